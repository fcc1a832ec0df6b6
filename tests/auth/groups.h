// groups.h: the groups of tests that one program runs, one a file. Each returns how many failed.
#pragma once

int run_tokens();
int run_pairs();
int run_attempts();
int run_settings();
int run_migration();
int run_secrecy();
int run_memory();
int run_races();
int run_undo();
