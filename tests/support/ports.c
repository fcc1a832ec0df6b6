#include "ports.h"

#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "support.h"

int free_port(void) {
  int probe = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  struct sockaddr_in address;
  memset(&address, 0, sizeof(address));
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof(address);
  if (probe < 0 || bind(probe, (struct sockaddr *)&address, size) != 0 ||
      getsockname(probe, (struct sockaddr *)&address, &size) != 0) {
    test_die("no free port: %s", strerror(errno));
  }
  close(probe);
  return ntohs(address.sin_port);
}
