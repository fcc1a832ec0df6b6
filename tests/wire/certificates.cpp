#include "tests/wire/certificates.h"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <atomic>
#include <cstdio>

#include "tests/support/support.h"

namespace wire_test {
namespace {

EVP_PKEY *make_key() {
  EVP_PKEY *key = EVP_EC_gen("P-256");
  if (key == nullptr) test_die("no key could be made");
  return key;
}

X509 *make_certificate(const char *name, EVP_PKEY *key, long valid_s) {
  static std::atomic<long> serial{1};
  X509 *made = X509_new();
  X509_set_version(made, 2);
  ASN1_INTEGER_set(X509_get_serialNumber(made), serial++);
  X509_gmtime_adj(X509_getm_notBefore(made), -3'600);
  X509_gmtime_adj(X509_getm_notAfter(made), valid_s);
  X509_set_pubkey(made, key);
  X509_NAME_add_entry_by_txt(X509_get_subject_name(made), "CN", MBSTRING_UTF8,
                             reinterpret_cast<const unsigned char *>(name), -1, -1, 0);
  return made;
}

void add_extension(X509 *to, X509 *issuer, int kind, const char *value) {
  X509V3_CTX context;
  X509V3_set_ctx_nodb(&context);
  X509V3_set_ctx(&context, issuer, to, nullptr, nullptr, 0);
  X509_EXTENSION *made = X509V3_EXT_conf_nid(nullptr, &context, kind, value);
  if (made == nullptr) test_die("extension %s", value);
  X509_add_ext(to, made, -1);
  X509_EXTENSION_free(made);
}

template <class Write>
std::string write_file(const std::string &path, Write write) {
  FILE *file = std::fopen(path.c_str(), "we");
  if (file == nullptr || write(file) != 1) test_die("%s cannot be written", path.c_str());
  std::fclose(file);
  return path;
}

}  // namespace

authority::authority(const std::string &directory, const std::string &name) : directory_(directory) {
  EVP_PKEY *key = make_key();
  X509 *made = make_certificate(name.c_str(), key, 7'200);
  X509_set_issuer_name(made, X509_get_subject_name(made));
  add_extension(made, made, NID_basic_constraints, "critical,CA:TRUE");
  add_extension(made, made, NID_key_usage, "critical,keyCertSign,cRLSign");
  X509_sign(made, key, EVP_sha256());
  file_ = write_file(directory + "/" + name + ".pem", [&](FILE *file) { return PEM_write_X509(file, made); });
  key_ = key;
  certificate_ = made;
}

authority::~authority() {
  EVP_PKEY_free(static_cast<EVP_PKEY *>(key_));
  X509_free(static_cast<X509 *>(certificate_));
}

certificate_files authority::issue(const std::string &name, const std::string &names, long valid_s) const {
  EVP_PKEY *key = make_key();
  X509 *made = make_certificate(name.c_str(), key, valid_s);
  auto *issuer = static_cast<X509 *>(certificate_);
  X509_set_issuer_name(made, X509_get_subject_name(issuer));
  add_extension(made, issuer, NID_subject_alt_name, names.c_str());
  X509_sign(made, static_cast<EVP_PKEY *>(key_), EVP_sha256());
  certificate_files out;
  out.certificate =
      write_file(directory_ + "/" + name + ".crt", [&](FILE *file) { return PEM_write_X509(file, made); });
  out.key = write_file(directory_ + "/" + name + ".key", [&](FILE *file) {
    return PEM_write_PrivateKey(file, key, nullptr, nullptr, 0, nullptr, nullptr);
  });
  X509_free(made);
  EVP_PKEY_free(key);
  return out;
}

}  // namespace wire_test
