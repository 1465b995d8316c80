/*
 * Character streams over TCP and Unix sockets, as client or as server for one peer at a time.
 *
 * tcp:HOST:PORT and unix:PATH connect; ",server" (or ",server=on") listens, and the machine starts when somebody has
 * connected unless ",nowait" (",wait=off") is given.  While nobody is connected, output vanishes.
 */
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "devices/char/backends.h"

struct address {
    char text[256]; /* HOST:PORT or PATH */
    bool server, wait;
};

struct socket {
    struct char_stream stream;
    int listener, peer; /* -1: none */
    struct loop_watch *incoming;
    char path[sizeof(((struct sockaddr_un *)0)->sun_path)]; /* to remove when we are its server */
};

static bool take_option(struct address *address, const char *option)
{
    if (!strcmp(option, "server") || !strcmp(option, "server=on"))
        address->server = true;
    else if (!strcmp(option, "nowait") || !strcmp(option, "wait=off"))
        address->wait = false;
    else
        return !strcmp(option, "wait") || !strcmp(option, "wait=on") || !strcmp(option, "server=off");
    return true;
}

static int parse(const char *spec, const char *kind, struct address *address, struct error *err)
{
    char *option, *save = NULL;
    address->server = false;
    address->wait = true;
    if (strlen(spec) >= sizeof(address->text))
        return error_set(err, EINVAL, "%s:%.40s...: too long", kind, spec);
    strcpy(address->text, spec);
    strtok_r(address->text, ",", &save);
    while ((option = strtok_r(NULL, ",", &save)))
        if (!take_option(address, option))
            return error_set(err, EINVAL, "%s:%s: unknown option '%s'; there are server, wait and nowait", kind, spec,
                             option);
    return 0;
}

static void gone(struct char_stream *stream)
{
    struct socket *socket = container_of(stream, struct socket, stream);
    close(socket->peer);
    socket->peer = -1;
    if (socket->incoming)
        loop_watch_events(socket->incoming, POLLIN);
    chardev_event(&stream->chr, CHAR_CLOSED);
}

static void join(struct socket *socket, int fd)
{
    int on = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)); /* a Unix socket has no such option, and no need */
    fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
    socket->peer = fd;
    char_stream_attach(&socket->stream, fd, fd);
}

static void incoming(void *opaque, short events)
{
    struct socket *socket = opaque;
    int fd = accept4(socket->listener, NULL, NULL, SOCK_CLOEXEC);
    if (fd < 0)
        return;
    loop_watch_events(socket->incoming, 0); /* one at a time: the next one waits in the backlog */
    join(socket, fd);
    chardev_event(&socket->stream.chr, CHAR_OPENED);
}

/* MSG_NOSIGNAL: a peer that hangs up must not kill us. */
static size_t socket_write(struct chardev *chr, const u8 *data, size_t length)
{
    struct char_stream *stream = container_of(chr, struct char_stream, chr);
    if (stream->out_fd < 0)
        return length;
    ssize_t sent = send(stream->out_fd, data, length, MSG_NOSIGNAL);
    if (sent < 0 && errno != EAGAIN && errno != EINTR)
        return length;
    if (sent < (ssize_t)length)
        loop_watch_events(stream->out, POLLOUT);
    return MAX(sent, 0);
}

static void socket_close(struct chardev *chr)
{
    struct socket *socket = container_of(container_of(chr, struct char_stream, chr), struct socket, stream);
    char_stream_detach(&socket->stream);
    loop_unwatch(socket->incoming);
    if (socket->peer >= 0)
        close(socket->peer);
    if (socket->listener >= 0)
        close(socket->listener);
    if (socket->path[0])
        unlink(socket->path);
    free(socket);
}

static const struct chardev_ops socket_ops = {
    .name = "socket", .write = socket_write, .accept_input = char_stream_accept_input, .close = socket_close};

static int connect_or_listen(const struct address *address, int family, const void *name, socklen_t length)
{
    int on = 1;
    int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -errno;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    if (address->server ? bind(fd, name, length) == 0 && listen(fd, 1) == 0 : connect(fd, name, length) == 0)
        return fd;
    int code = errno;
    close(fd);
    return -code;
}

/* A descriptor that listens or is connected, or -errno and err. */
static int open_tcp(struct address *address, struct error *err)
{
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = address->server ? AI_PASSIVE : 0}, *found;
    char *colon = strrchr(address->text, ':');
    if (!colon)
        return error_set(err, EINVAL, "tcp:%s: should be tcp:HOST:PORT", address->text);
    *colon = '\0';
    int failure = getaddrinfo(*address->text ? address->text : NULL, colon + 1, &hints, &found);
    *colon = ':';
    if (failure)
        return error_set(err, EINVAL, "tcp:%s: %s", address->text, gai_strerror(failure));
    int fd = -EADDRNOTAVAIL;
    for (struct addrinfo *info = found; info && fd < 0; info = info->ai_next)
        fd = connect_or_listen(address, info->ai_family, info->ai_addr, info->ai_addrlen);
    freeaddrinfo(found);
    if (fd < 0)
        return error_set(err, -fd, "tcp:%s: %s: %s", address->text,
                         address->server ? "cannot listen" : "cannot connect", strerror(-fd));
    return fd;
}

static int open_unix(struct address *address, struct error *err)
{
    struct sockaddr_un name = {.sun_family = AF_UNIX};
    if (!address->text[0] || strlen(address->text) >= sizeof(name.sun_path))
        return error_set(err, EINVAL, "unix:%s: the path must have 1 to %zu characters", address->text,
                         sizeof(name.sun_path) - 1);
    strcpy(name.sun_path, address->text);
    int fd = connect_or_listen(address, AF_UNIX, &name, sizeof(name));
    if (fd == -EADDRINUSE) {
        /* A socket that nobody answers is left over from a server that died. */
        struct address client = {.server = false};
        int other = connect_or_listen(&client, AF_UNIX, &name, sizeof(name));
        if (other == -ECONNREFUSED && unlink(name.sun_path) == 0)
            fd = connect_or_listen(address, AF_UNIX, &name, sizeof(name));
        else if (other >= 0)
            close(other);
    }
    if (fd < 0)
        return error_set(err, -fd, "unix:%s: %s: %s", address->text,
                         address->server ? "cannot listen" : "cannot connect", strerror(-fd));
    return fd;
}

static struct chardev *serve(struct socket *socket, struct address *address, const char *kind)
{
    if (!address->wait) {
        fcntl(socket->listener, F_SETFL, O_NONBLOCK);
        socket->incoming = loop_watch(socket->stream.loop, socket->listener, POLLIN, incoming, socket);
        return &socket->stream.chr;
    }
    fprintf(stderr, "waiting for a connection to %s:%s\n", kind, address->text);
    int fd;
    while ((fd = accept4(socket->listener, NULL, NULL, SOCK_CLOEXEC)) < 0 && errno == EINTR)
        ;
    fcntl(socket->listener, F_SETFL, O_NONBLOCK);
    socket->incoming = loop_watch(socket->stream.loop, socket->listener, 0, incoming, socket);
    if (fd >= 0)
        join(socket, fd);
    return &socket->stream.chr;
}

static struct chardev *open_socket(const char *spec, const char *kind, struct loop *loop, struct error *err,
                                   int (*open)(struct address *address, struct error *err))
{
    struct address address;
    if (parse(spec, kind, &address, err) < 0)
        return NULL;
    int fd = open(&address, err);
    if (fd < 0)
        return NULL;
    struct socket *socket = calloc(1, sizeof(*socket));
    if (!socket) {
        close(fd);
        return NULL;
    }
    socket->stream.chr.ops = &socket_ops;
    socket->stream.loop = loop;
    socket->stream.closed = gone;
    socket->stream.in_fd = socket->stream.out_fd = socket->listener = socket->peer = -1;
    if (!address.server) {
        join(socket, fd);
        return &socket->stream.chr;
    }
    socket->listener = fd;
    if (open == open_unix)
        strcpy(socket->path, address.text);
    return serve(socket, &address, kind);
}

struct chardev *char_tcp_open(const char *spec, struct loop *loop, struct error *err)
{
    return open_socket(spec, "tcp", loop, err, open_tcp);
}

struct chardev *char_unix_open(const char *spec, struct loop *loop, struct error *err)
{
    return open_socket(spec, "unix", loop, err, open_unix);
}
