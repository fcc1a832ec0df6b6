#include <errno.h>
#include <hiredis/hiredis.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "support.h"

/* hiredis 0.14 does not end a path of 107 bytes, the longest there is. */
static int connect_unix(const char *path, struct timeval timeout) {
  struct sockaddr_un address;
  memset(&address, 0, sizeof(address));
  address.sun_family = AF_UNIX;
  if (strlen(path) >= sizeof(address.sun_path)) test_die("%s: too long for a unix socket", path);
  memcpy(address.sun_path, path, strlen(path));
  int connection = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (connection < 0) test_die("socket: %s", strerror(errno));
  setsockopt(connection, SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof(timeout));
  setsockopt(connection, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout));
  if (connect(connection, (const struct sockaddr *)&address, sizeof(address)) == 0) return connection;
  int error = errno;
  close(connection);
  errno = error;
  return -1;
}

static redisReply *run(const char *socket_path, int may_fail, const char *format, va_list arguments) {
  struct timeval timeout = {(time_t)(test_patience_ms() / 1000), 0};
  int connection = connect_unix(socket_path, timeout);
  if (connection < 0 && may_fail) return NULL;
  if (connection < 0) test_die("%s: \"%s\": %s", socket_path, format, strerror(errno));
  redisContext *context = redisConnectFd(connection);
  if (context == NULL) test_die("out of memory");
  redisReply *reply = (redisReply *)redisvCommand(context, format, arguments);
  if (reply == NULL && !may_fail) test_die("%s: \"%s\": %s", socket_path, format, context->errstr);
  redisFree(context);
  return reply;
}

struct redisReply *test_command(const test_server *server, const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  redisReply *reply = run(test_server_socket(server), 0, format, arguments);
  va_end(arguments);
  return reply;
}

struct redisReply *test_command_at(const char *socket_path, const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  redisReply *reply = run(socket_path, 0, format, arguments);
  va_end(arguments);
  return reply;
}

struct redisReply *test_try_command_at(const char *socket_path, const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  redisReply *reply = run(socket_path, 1, format, arguments);
  va_end(arguments);
  return reply;
}

static void render(FILE *out, const redisReply *reply) {
  switch (reply->type) {
    case REDIS_REPLY_INTEGER:
      fprintf(out, "%lld", reply->integer);
      break;
    case REDIS_REPLY_NIL:
      fputs("(nil)", out);
      break;
    case REDIS_REPLY_ERROR:
      fprintf(out, "(error) %s", reply->str);
      break;
    case REDIS_REPLY_ARRAY:
      fputc('[', out);
      for (size_t i = 0; i < (size_t)reply->elements; i++) {
        if (i > 0) fputs(", ", out);
        render(out, reply->element[i]);
      }
      fputc(']', out);
      break;
    default:
      fwrite(reply->str, 1, (size_t)reply->len, out);
  }
}

static char *text_of(redisReply *reply) {
  char *text = NULL;
  size_t size = 0;
  FILE *out = open_memstream(&text, &size);
  if (out == NULL) test_die("out of memory");
  render(out, reply);
  fclose(out);
  freeReplyObject(reply);
  return text;
}

char *test_command_text(const test_server *server, const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  char *text = text_of(run(test_server_socket(server), 0, format, arguments));
  va_end(arguments);
  return text;
}

char *test_command_text_at(const char *socket_path, const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  char *text = text_of(run(socket_path, 0, format, arguments));
  va_end(arguments);
  return text;
}

int64_t test_command_integer(const test_server *server, const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  redisReply *reply = run(test_server_socket(server), 0, format, arguments);
  va_end(arguments);
  if (reply->type != REDIS_REPLY_INTEGER) {
    char *text = text_of(reply);
    test_die("\"%s\": expected an integer, got %s", format, text);
  }
  int64_t integer = reply->integer;
  freeReplyObject(reply);
  return integer;
}

int64_t test_server_info(const test_server *server, const char *field) {
  char *text = test_command_text(server, "INFO all");
  char *label = test_format("\n%s:", field);
  const char *at = strstr(text, label);
  int64_t number = at == NULL ? -1 : strtoll(at + strlen(label), NULL, 10);
  free(label);
  free(text);
  return number;
}
