// Loaded into a process by LD_PRELOAD, and so into its children: writes down whom it talks to, a line each, into a file beside this library.
//
//   <pid> <function> <address or name>
//
// It sees what goes through the C library, from any thread. It does not see a system call that native code makes by itself; nothing that the
// service loads is known to.

#define _GNU_SOURCE
#include <arpa/inet.h>
#include <dlfcn.h>
#include <fcntl.h>
#include <netdb.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static void write_down(const char *function, const char *whom) {
  Dl_info own;
  char file[4096], line[512];
  if (!dladdr((void *)write_down, &own)) return;
  snprintf(file, sizeof file, "%s.log", own.dli_fname);
  int length = snprintf(line, sizeof line, "%d %s %s\n", getpid(), function, whom);
  int fd = open(file, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
  if (fd < 0) return;
  // One write, so that lines of several processes do not mix.
  if (write(fd, line, length) != length) dprintf(2, "watch.c: a line was lost\n");
  close(fd);
}

static void write_address(const char *function, const struct sockaddr *address) {
  char text[INET6_ADDRSTRLEN], whom[256];
  if (address == NULL) return;
  switch (address->sa_family) {
    case AF_INET: {
      const struct sockaddr_in *v4 = (const struct sockaddr_in *)address;
      inet_ntop(AF_INET, &v4->sin_addr, text, sizeof text);
      snprintf(whom, sizeof whom, "%s:%d", text, ntohs(v4->sin_port));
      break;
    }
    case AF_INET6: {
      const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)address;
      inet_ntop(AF_INET6, &v6->sin6_addr, text, sizeof text);
      snprintf(whom, sizeof whom, "[%s]:%d", text, ntohs(v6->sin6_port));
      break;
    }
    case AF_UNIX:
      snprintf(whom, sizeof whom, "unix:%.200s", ((const struct sockaddr_un *)address)->sun_path);
      break;
    case AF_UNSPEC:
    case AF_NETLINK: // The kernel is asked for the network interfaces: nothing leaves.
      return;
    default:
      snprintf(whom, sizeof whom, "family %d", address->sa_family);
  }
  write_down(function, whom);
}

int connect(int fd, const struct sockaddr *address, socklen_t length) {
  int (*real)(int, const struct sockaddr *, socklen_t) = dlsym(RTLD_NEXT, "connect");
  write_address("connect", address);
  return real(fd, address, length);
}

ssize_t sendto(int fd, const void *bytes, size_t count, int flags, const struct sockaddr *address, socklen_t length) {
  ssize_t (*real)(int, const void *, size_t, int, const struct sockaddr *, socklen_t) = dlsym(RTLD_NEXT, "sendto");
  write_address("sendto", address);
  return real(fd, bytes, count, flags, address, length);
}

ssize_t sendmsg(int fd, const struct msghdr *message, int flags) {
  ssize_t (*real)(int, const struct msghdr *, int) = dlsym(RTLD_NEXT, "sendmsg");
  if (message->msg_namelen > 0) write_address("sendmsg", message->msg_name);
  return real(fd, message, flags);
}

int sendmmsg(int fd, struct mmsghdr *messages, unsigned int count, int flags) {
  int (*real)(int, struct mmsghdr *, unsigned int, int) = dlsym(RTLD_NEXT, "sendmmsg");
  for (unsigned int at = 0; at < count; at++)
    if (messages[at].msg_hdr.msg_namelen > 0) write_address("sendmmsg", messages[at].msg_hdr.msg_name);
  return real(fd, messages, count, flags);
}

// The C library's own DNS queries do not pass through the functions above: the question itself is written down.
int getaddrinfo(const char *name, const char *service, const struct addrinfo *hints, struct addrinfo **found) {
  int (*real)(const char *, const char *, const struct addrinfo *, struct addrinfo **) = dlsym(RTLD_NEXT, "getaddrinfo");
  if (name != NULL) write_down("getaddrinfo", name);
  return real(name, service, hints, found);
}
