// parse_url: what each form means, and what each mistake is told.

#include "core/config/url.h"

#include "tests/config/loading.h"

namespace {

using namespace cachecore_internal;
using loading::assert_lacks;
using loading::rejection_of;

std::string rejection(const std::string &url) {
  return rejection_of([&] { parse_url(url); });
}

void a_redis_url_has_host_port_credentials_and_database(void ** /*state*/) {
  const endpoint all = parse_url("redis://ann:s%3Acr%40t%2F@cache.example.org:7000/3");
  assert_true(all.scheme == scheme::redis);
  assert_false(all.tls);
  assert_int_equal(all.hosts.size(), 1);
  assert_text(all.hosts[0].host, "cache.example.org");
  assert_int_equal(all.hosts[0].port, 7000);
  assert_text(all.user, "ann");
  assert_text(all.password, "s:cr@t/");
  assert_int_equal(all.database, 3);

  const endpoint least = parse_url("redis://h");
  assert_int_equal(least.hosts[0].port, 6379);
  assert_int_equal(least.database, 0);
  assert_text(least.user, "");
  assert_text(least.password, "");
  assert_int_equal(parse_url("redis://h/").database, 0);
  assert_int_equal(parse_url("redis://h?db=4").database, 4);
  assert_int_equal(parse_url("redis://h/?db=4").database, 4);
  assert_true(parse_url("REDIS://h").scheme == scheme::redis);
  assert_int_equal(parse_url("redis://h/2147483647").database, 2147483647);
  assert_int_equal(parse_url("redis://h:1").hosts[0].port, 1);
  assert_int_equal(parse_url("redis://h:65535").hosts[0].port, 65535);
}

void rediss_is_tls(void ** /*state*/) {
  assert_true(parse_url("rediss://h").tls);
  assert_true(parse_url("rediss+cluster://h").tls);
  assert_true(parse_url("rediss+sentinel://h/m").tls);
  assert_false(parse_url("redis+cluster://h").tls);
}

void credentials_are_what_stands_before_the_last_at(void ** /*state*/) {
  const endpoint raw = parse_url("redis://u:a@b:c@h:1/2");
  assert_text(raw.user, "u");
  assert_text(raw.password, "a@b:c");
  assert_text(raw.hosts[0].host, "h");
  assert_text(parse_url("redis://:p@h").password, "p");
  assert_text(parse_url("redis://:p@h").user, "");
  assert_text(parse_url("redis://u:@h").password, "");
  assert_text(parse_url("redis://@h").user, "");
  assert_text(parse_url("redis://u%3Av:p@h").user, "u:v");
  assert_text(parse_url("redis://:+%2B%25@h").password, "++%");
  assert_text(parse_url("redis://:p\xc3\xa4ss@h").password, "p\xc3\xa4ss");
  assert_text(parse_url("redis://:%00%0a%ff@h").password, std::string_view("\0\n\xff", 3));
}

void an_encrypted_password_may_be_pasted_with_its_slashes(void ** /*state*/) {
  const endpoint pasted = parse_url("redis://u:ENC(a/b+c/d==)@h:1/2");
  assert_text(pasted.password, "ENC(a/b+c/d==)");
  assert_text(pasted.hosts[0].host, "h");
  assert_int_equal(pasted.database, 2);
  assert_text(parse_url("redis://:ENC(a/b)@h").password, "ENC(a/b)");
  assert_text(parse_url("redis://:ENC%28a%2Fb%29@h").password, "ENC(a/b)");
  assert_text(parse_url("unix://:ENC(a/b)@/run/r.sock").password, "ENC(a/b)");
  assert_contains(rejection("redis://ENC(abc)@h"), "write a ':' before it");
  assert_contains(rejection("redis://:ENC(a/b@h"), "%2F");
}

void ipv6_stands_in_brackets(void ** /*state*/) {
  assert_text(parse_url("redis://[::1]:7000/1").hosts[0].host, "::1");
  assert_int_equal(parse_url("redis://[::1]:7000/1").hosts[0].port, 7000);
  assert_int_equal(parse_url("redis://[2001:db8::7]").hosts[0].port, 6379);
  assert_text(parse_url("redis://[fe80::1%25eth0]").hosts[0].host, "fe80::1%eth0");
  assert_contains(rejection("redis://::1:6379"), "brackets");
  assert_contains(rejection("redis://2001:db8::7/0"), "brackets");
  assert_contains(rejection("redis://[::1"), "no ']'");
  assert_contains(rejection("redis://[::g]"), "not an IPv6 address");
  assert_contains(rejection("redis://[127.0.0.1]"), "not an IPv6 address");
  assert_contains(rejection("redis://[]"), "not an IPv6 address");
  assert_contains(rejection("redis://[::1]6379"), "after ']'");
  assert_contains(rejection("redis://[::1]:"), "port");
  assert_contains(rejection("redis://[fe80::1%eth0]"), "%25");
}

void unix_takes_a_path(void ** /*state*/) {
  const endpoint plain = parse_url("unix:///run/redis.sock");
  assert_true(plain.scheme == scheme::unix_socket);
  assert_text(plain.path, "/run/redis.sock");
  assert_int_equal(plain.hosts.size(), 0);
  const endpoint all = parse_url("unix://u:p@/run/a%20b%40c.sock?db=7");
  assert_text(all.path, "/run/a b@c.sock");
  assert_text(all.user, "u");
  assert_text(all.password, "p");
  assert_int_equal(all.database, 7);
  assert_text(parse_url("unix:///run/b@c.sock").path, "/run/b@c.sock");
  assert_contains(rejection("unix://:p@/run/b@c"), "%40");
  assert_contains(rejection("unix://run/redis.sock"), "unix:///run/redis.sock");
  assert_contains(rejection("unix://"), "absolute path");
  assert_contains(rejection("unix:///"), "absolute path");
  assert_contains(rejection("unix:///a%00b"), "control character");
  assert_int_equal(parse_url("unix:///" + std::string(106, 'x')).path.size(), 107);
  assert_contains(rejection("unix:///" + std::string(107, 'x')), "107");
}

void sentinel_takes_hosts_a_master_and_a_database(void ** /*state*/) {
  const endpoint all = parse_url("redis+sentinel://u:p@s1,s2:5000,[::1]/my-master/5");
  assert_true(all.scheme == scheme::sentinel);
  assert_int_equal(all.hosts.size(), 3);
  assert_int_equal(all.hosts[0].port, 26379);
  assert_int_equal(all.hosts[1].port, 5000);
  assert_text(all.hosts[2].host, "::1");
  assert_int_equal(all.hosts[2].port, 26379);
  assert_text(all.master_name, "my-master");
  assert_int_equal(all.database, 5);
  assert_text(all.password, "p");
  assert_text(parse_url("redis+sentinel://s/m%2F1").master_name, "m/1");
  assert_int_equal(parse_url("redis+sentinel://s/m?db=2").database, 2);
  assert_contains(rejection("redis+sentinel://s1,s2"), "names no master");
  assert_contains(rejection("redis+sentinel://s1//0"), "names no master");
  assert_contains(rejection("redis+sentinel://s1/m/x"), "database");
  assert_contains(rejection("redis+sentinel://s1/m/1/2"), "database");
  assert_contains(rejection("redis+sentinel://s1/m%0A"), "control character");
}

void cluster_takes_hosts(void ** /*state*/) {
  const endpoint all = parse_url("redis+cluster://:p@h1:7000,h2,h3:7002");
  assert_true(all.scheme == scheme::cluster);
  assert_int_equal(all.hosts.size(), 3);
  assert_int_equal(all.hosts[1].port, 6379);
  assert_text(all.password, "p");
  assert_int_equal(parse_url("redis+cluster://h/0").hosts.size(), 1);
  assert_contains(rejection("redis+cluster://h/1"), "database 0 only");
  assert_contains(rejection("redis+cluster://h?db=0"), "unknown option");
  assert_contains(rejection("redis+cluster://h1,,h2"), "empty host");
  assert_contains(rejection("redis+cluster://h1,"), "empty host");
  std::string many = "redis+cluster://h";
  for (int i = 0; i < 255; i++) many += ",h";
  assert_int_equal(parse_url(many).hosts.size(), 256);
  assert_contains(rejection(many + ",h"), "256 hosts");
  assert_contains(rejection("redis://h1,h2"), "redis+cluster://");
}

void embedded_takes_a_directory_or_nothing(void ** /*state*/) {
  const endpoint users = parse_url("embedded://");
  assert_true(users.scheme == scheme::embedded);
  assert_text(users.path, "");
  assert_text(parse_url("embedded:///var/lib/app").path, "/var/lib/app");
  assert_text(parse_url("embedded:///var/lib/app//").path, "/var/lib/app");
  assert_text(parse_url("embedded:///a%20b").path, "/a b");
  assert_contains(rejection("embedded://data"), "embedded:///var/lib/app/cache");
  assert_contains(rejection("embedded://./data"), "absolute directory");
  assert_contains(rejection("embedded:///"), "absolute directory");
  assert_contains(rejection("embedded://u:p@/data"), "no user and no password");
  assert_contains(rejection("embedded:///data?db=1"), "unknown option \"db\"");
  assert_contains(rejection("embedded:///a%0Ab"), "control character");
}

void an_unknown_scheme_is_named_with_the_known_ones(void ** /*state*/) {
  const std::string message = rejection("http://h");
  assert_contains(message, "unknown scheme \"http\"");
  for (const char *known :
       {"redis://", "rediss://", "unix://", "redis+sentinel://", "redis+cluster://", "embedded://"}) {
    assert_contains(message, known);
  }
  assert_contains(rejection("localhost:6379"), "no scheme");
  assert_contains(rejection("redis:/h"), "no scheme");
  assert_contains(rejection("://h"), "no scheme");
  assert_contains(rejection(""), "empty");
  assert_contains(rejection("redis://" + std::string(65536, 'h')), "longer");
}

void a_bad_port_is_told_with_its_host(void ** /*state*/) {
  for (const char *url :
       {"redis://cache:", "redis://cache:0", "redis://cache:65536", "redis://cache:18446744073709551617",
        "redis://cache:abc", "redis://cache:-1", "redis://cache:6379x", "redis://cache:+1"}) {
    const std::string message = rejection(url);
    assert_contains(message, "port of host \"cache\"");
    assert_contains(message, "1 to 65535");
  }
  // Behind an '@' nothing of a password can be left.
  assert_contains(rejection("redis://u:p@cache:70000"), "got \"70000\"");
}

void a_bad_host_is_rejected(void ** /*state*/) {
  assert_contains(rejection("redis://"), "empty host");
  assert_contains(rejection("redis:///0"), "empty host");
  assert_contains(rejection("redis://:6379"), "empty host");
  assert_contains(rejection("redis://u:p@"), "empty host");
  assert_contains(rejection("redis://u:p@:6379"), "empty host");
  assert_contains(rejection("redis://a!b"), "letters, digits");
  assert_contains(rejection("redis://h%41"), "letters, digits");
  assert_contains(rejection("redis://b\xc3\xbc"
                            "cher"),
                  "letters, digits");
  assert_contains(rejection("redis://u:p@a!b"), "\"a!b\"");
  assert_contains(rejection("redis://" + std::string(254, 'h')), "253");
  assert_int_equal(parse_url("redis://" + std::string(253, 'h')).hosts[0].host.size(), 253);
}

void a_bad_database_is_rejected(void ** /*state*/) {
  for (const char *url : {"redis://h/x", "redis://h/-1", "redis://h/2147483648", "redis://h/1/2", "redis://h/1.5",
                          "redis://h?db=x", "redis://h?db=", "redis://h?db", "unix:///s?db=-1", "redis://h/-0x"}) {
    const std::string message = rejection(url);
    assert_contains(message, "database");
    assert_contains(message, "0 to 2147483647");
  }
  assert_contains(rejection("redis://h/1?db=2"), "twice");
  assert_contains(rejection("redis://h/0?db=2"), "twice");
  assert_contains(rejection("redis://h?db=2&db=2"), "twice");
}

void options_behind_the_question_mark_are_few(void ** /*state*/) {
  assert_text(parse_url("redis://u@h/0?password_file=/run/secrets/r%20p").password_file, "/run/secrets/r p");
  assert_text(parse_url("redis+cluster://h?password_file=/p").password_file, "/p");
  const endpoint both = parse_url("unix:///s?db=1&password_file=/p");
  assert_int_equal(both.database, 1);
  assert_text(both.password_file, "/p");
  assert_int_equal(parse_url("redis://h?").database, 0);
  assert_contains(rejection("redis://h?timeout=5"), "unknown option \"timeout\"");
  assert_contains(rejection("redis://h?timeout=5"), "password_file");
  assert_contains(rejection("redis://h?password_file=p"), "absolute path");
  assert_contains(rejection("redis://h?password_file="), "absolute path");
  assert_contains(rejection("redis://h?password_file=/a&password_file=/b"), "twice");
  assert_contains(rejection("redis://:p@h?password_file=/a"), "only one");
  assert_contains(rejection("redis://h?password_file=/a%0A"), "control character");
  assert_contains(rejection("redis://h?&db=1"), "unknown option");
}

void what_no_url_may_contain_is_rejected(void ** /*state*/) {
  assert_contains(rejection("redis://h\n"), "control character");
  assert_contains(rejection(std::string("redis://h\0x", 11)), "control character");
  assert_contains(rejection("redis://h\x7f"), "control character");
  assert_contains(rejection("redis://:a b@h"), "%20");
  assert_contains(rejection("redis://h/0#x"), "%23");
  assert_contains(rejection("redis://:a%zz@h"), "'%' in the password");
  assert_contains(rejection("redis://:a%4@h"), "'%' in the password");
  assert_contains(rejection("redis://%:p@h"), "'%' in the user");
}

// Every way to get a URL with a password wrong, as far as they are known.
void no_message_holds_the_password(void ** /*state*/) {
  const char *const urls[] = {
      "redis://u:S3CRET%zz@h",
      "redis://u:S3CRET@h:99999",
      "redis://u:S3CRET@h:x/0",
      "redis://u:S3CRET@h/x",
      "redis://u:S3CRET@h/0?x=1",
      "redis://u:S3CRET@",
      "redis://u:S3CRET@a!b",
      "redis://u:S3CRET/x@h",
      "redis://u:S3CRET?x@h",
      "redis://u:S3CRET#x@h",
      "redis://u:S3CRET x@h",
      "redis://u:x/S3CRET@h",
      "redis://u:x?S3CRET=1@h",
      "redis://u:1?S3CRET=1@h",
      "redis://u:1?db=S3CRET@h",
      "redis://u:1/S3CRET@h",
      "redis://u:x,S3CRET/@h",
      "redis://u:S3CRET\n@h",
      "http://u:S3CRET@h",
      "u:S3CRET@h://x",
      "u:S3CRET@h",
      "redis://u:S3CRET",
      "redis://:S3CRET",
      "redis://:S3CRET/0",
      "embedded://u:S3CRET@/d",
      "embedded://:S3CRET/x@/d",
      "unix://u:S3CRET@run/x",
      "unix://u:S3CRET",
      "unix://:x/S3CRET@/run/x",
      "redis+sentinel://u:S3CRET@h",
      "redis+cluster://u:S3CRET@h/1",
      "redis://u:S3CRET@h1,h2",
      "redis://u:[S3CRET/@h",
      "redis://u:S3CRET@[::1]x",
      "redis://u:S3CRET@h?db=x",
      "redis://u:S3CRET@h/1?db=2",
      "redis://u:S3CRET@h?password_file=/x",
      "redis://u:ENC(S3CRET/@h",
      "redis://ENC(S3CRET)@h",
      "redis://u:ENC(S3CRET)@h:x",
      "redis://u:ENC(S3CRET)h",
  };
  for (const char *url : urls) assert_lacks(rejection(url), "S3CRET");
}

void display_is_the_url_without_user_and_password(void ** /*state*/) {
  const std::pair<const char *, const char *> shown[] = {
      {"redis://u:S3CRET@h", "redis://h:6379/0"},
      {"rediss://u:S3CRET@h:1/2", "rediss://h:1/2"},
      {"redis://:S3CRET@[fe80::1%25e]:1/2", "redis://[fe80::1%25e]:1/2"},
      {"unix://u:S3CRET@/run/a%20%25b?db=2", "unix:///run/a%20%25b?db=2"},
      {"unix:///run/r.sock", "unix:///run/r.sock"},
      {"embedded://", "embedded://"},
      {"embedded:///d\xc3\xa4ta", "embedded:///d%C3%A4ta"},
      {"redis+sentinel://u:S3CRET@s1,s2:1/m%2f/3", "redis+sentinel://s1:26379,s2:1/m%2F/3"},
      {"rediss+cluster://u:S3CRET@h1,h2", "rediss+cluster://h1:6379,h2:6379"},
      {"redis://u@h?password_file=/run/S3CRET", "redis://h:6379/0"},
  };
  for (const auto &[url, display] : shown) assert_text(parse_url(url).display(), display);
}

}  // namespace

int main() {
  const CMUnitTest tests[] = {
      cmocka_unit_test(a_redis_url_has_host_port_credentials_and_database),
      cmocka_unit_test(rediss_is_tls),
      cmocka_unit_test(credentials_are_what_stands_before_the_last_at),
      cmocka_unit_test(an_encrypted_password_may_be_pasted_with_its_slashes),
      cmocka_unit_test(ipv6_stands_in_brackets),
      cmocka_unit_test(unix_takes_a_path),
      cmocka_unit_test(sentinel_takes_hosts_a_master_and_a_database),
      cmocka_unit_test(cluster_takes_hosts),
      cmocka_unit_test(embedded_takes_a_directory_or_nothing),
      cmocka_unit_test(an_unknown_scheme_is_named_with_the_known_ones),
      cmocka_unit_test(a_bad_port_is_told_with_its_host),
      cmocka_unit_test(a_bad_host_is_rejected),
      cmocka_unit_test(a_bad_database_is_rejected),
      cmocka_unit_test(options_behind_the_question_mark_are_few),
      cmocka_unit_test(what_no_url_may_contain_is_rejected),
      cmocka_unit_test(no_message_holds_the_password),
      cmocka_unit_test(display_is_the_url_without_user_and_password),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}
