// groups.h: the groups of tests that share a program, so that it is linked once. Each returns how many failed.
#pragma once

int tags_tests();     // in invalidation
int history_tests();  // in near
int many_tests();     // in lookup
int keys_tests();     // in policy
int sealing_tests();  // in policy
