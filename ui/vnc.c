/*
 * VNC server on libvncserver: one thread that serves the clients and draws what they see.
 *
 * Source: RFC 6143, "The Remote Framebuffer Protocol"; X11's keysymdef.h for the names of keys.
 * Keys come as what they mean, not where they are: a character is typed as on a US keyboard, with Shift pressed or
 * released around it where the client's own Shift says otherwise.
 */
#include <config.h>

#include "ui/vnc.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#if CONFIG_VNC
#include <arpa/inet.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <rfb/keysym.h>
#include <rfb/rfb.h>

#define FRAME_US 16000
#define IDLE_US 200000  /* no client: how soon an end of the machine is seen */
#define SMALL_LINES 250 /* a picture of fewer is shown twice as large */
#define KEY_SHIFT_LEFT 0x2a
#define KEY_SHIFT_RIGHT 0x36
#define KEYS 0x400
#define CLIENT_WAIT_MS 1000 /* for the rest of a message, and for a client to take one: others wait meanwhile */

struct vnc {
    struct machine *machine;
    rfbScreenInfoPtr screen;
    pthread_t thread;
    bool started;
    _Atomic bool stopping;
    struct surface surface;
    u32 *pixels; /* what clients see: the surface, or twice as large */
    int width, height, zoom;
    int clients;
    int x, y; /* the pointer, where it was last */
    bool held[KEYS];
    char *password[2];
    int listener; /* a local socket's; -1: none, the library listens */
    char path[sizeof(((struct sockaddr_un *)0)->sun_path)];
};

static struct vnc *vnc_of(rfbClientPtr client)
{
    return client->screen->screenData;
}

/* --- picture ------------------------------------------------------------------------------------------------------ */

static void set_format(rfbScreenInfoPtr screen)
{
    rfbPixelFormat *format = &screen->serverFormat;
    format->redShift = 16;
    format->greenShift = 8;
    format->blueShift = 0;
    format->redMax = format->greenMax = format->blueMax = 255;
    format->depth = 24;
}

static bool resize(struct vnc *vnc)
{
    const struct surface *surface = &vnc->surface;
    int zoom = surface->height < SMALL_LINES ? 2 : 1, width = surface->width * zoom, height = surface->height * zoom;
    if (width == vnc->width && height == vnc->height && zoom == vnc->zoom)
        return true;
    u32 *pixels = calloc((size_t)width * height, sizeof(*pixels)), *old = vnc->pixels;
    if (!pixels)
        return false;
    vnc->pixels = pixels;
    vnc->width = width;
    vnc->height = height;
    vnc->zoom = zoom;
    if (old) {
        rfbNewFramebuffer(vnc->screen, (char *)pixels, width, height, 8, 3, 4);
        set_format(vnc->screen);
    }
    free(old);
    return true;
}

static void copy_line(struct vnc *vnc, int line)
{
    const u32 *from = vnc->surface.pixels + (size_t)line * vnc->surface.width;
    u32 *to = vnc->pixels + (size_t)line * vnc->zoom * vnc->width;
    if (vnc->zoom == 1) {
        memcpy(to, from, vnc->width * sizeof(*to));
        return;
    }
    for (int x = 0; x < vnc->width; x++)
        to[x] = from[x / 2];
    memcpy(to + vnc->width, to, vnc->width * sizeof(*to));
}

static void draw(struct vnc *vnc)
{
    struct display *display = &vnc->machine->display;
    struct surface *surface = &vnc->surface;
    machine_lock(vnc->machine);
    bool drawn = display->render && display_stale(display, surface) && display->render(display->opaque, surface) == 0;
    machine_unlock(vnc->machine);
    if (!drawn || !surface->width || !surface->height || !resize(vnc))
        return;
    for (int line = surface->dirty_first; line < surface->dirty_end; line++)
        copy_line(vnc, line);
    if (surface->dirty_first < surface->dirty_end)
        rfbMarkRectAsModified(vnc->screen, 0, surface->dirty_first * vnc->zoom, vnc->width,
                              surface->dirty_end * vnc->zoom);
}

/* --- keyboard ----------------------------------------------------------------------------------------------------- */

static const struct {
    rfbKeySym symbol;
    u16 key;
} special_keys[] = {
    {XK_Escape, 0x01},
    {XK_BackSpace, 0x0e},
    {XK_Tab, 0x0f},
    {XK_ISO_Left_Tab, 0x0f},
    {XK_Return, 0x1c},
    {XK_Control_L, 0x1d},
    {XK_Control_R, 0x11d},
    {XK_Shift_L, 0x2a},
    {XK_Shift_R, 0x36},
    {XK_Alt_L, 0x38},
    {XK_Alt_R, 0x138},
    {XK_Meta_L, 0x38},
    {XK_ISO_Level3_Shift, 0x138},
    {XK_Mode_switch, 0x138},
    {XK_Super_L, 0x15b},
    {XK_Super_R, 0x15c},
    {XK_Menu, 0x15d},
    {XK_Caps_Lock, 0x3a},
    {XK_Num_Lock, 0x45},
    {XK_Scroll_Lock, 0x46},
    {XK_F1, 0x3b},
    {XK_F2, 0x3c},
    {XK_F3, 0x3d},
    {XK_F4, 0x3e},
    {XK_F5, 0x3f},
    {XK_F6, 0x40},
    {XK_F7, 0x41},
    {XK_F8, 0x42},
    {XK_F9, 0x43},
    {XK_F10, 0x44},
    {XK_F11, 0x57},
    {XK_F12, 0x58},
    {XK_Insert, 0x152},
    {XK_Delete, 0x153},
    {XK_Home, 0x147},
    {XK_End, 0x14f},
    {XK_Page_Up, 0x149},
    {XK_Page_Down, 0x151},
    {XK_Up, 0x148},
    {XK_Down, 0x150},
    {XK_Left, 0x14b},
    {XK_Right, 0x14d},
    {XK_Print, 0x137},
    {XK_Pause, KEY_PAUSE},
    {XK_KP_0, 0x52},
    {XK_KP_1, 0x4f},
    {XK_KP_2, 0x50},
    {XK_KP_3, 0x51},
    {XK_KP_4, 0x4b},
    {XK_KP_5, 0x4c},
    {XK_KP_6, 0x4d},
    {XK_KP_7, 0x47},
    {XK_KP_8, 0x48},
    {XK_KP_9, 0x49},
    {XK_KP_Insert, 0x52},
    {XK_KP_End, 0x4f},
    {XK_KP_Down, 0x50},
    {XK_KP_Page_Down, 0x51},
    {XK_KP_Left, 0x4b},
    {XK_KP_Begin, 0x4c},
    {XK_KP_Right, 0x4d},
    {XK_KP_Home, 0x47},
    {XK_KP_Up, 0x48},
    {XK_KP_Page_Up, 0x49},
    {XK_KP_Delete, 0x53},
    {XK_KP_Decimal, 0x53},
    {XK_KP_Add, 0x4e},
    {XK_KP_Subtract, 0x4a},
    {XK_KP_Multiply, 0x37},
    {XK_KP_Divide, 0x135},
    {XK_KP_Enter, 0x11c},
    {XK_less, 0x33},
};

/* The key, and in *shift whether its character needs Shift: 1, 0, or -1 for keys that make none. */
static int find_key(rfbKeySym symbol, int *shift)
{
    bool shifted;
    *shift = -1;
    if (symbol >= ' ' && symbol <= '~') {
        int key = input_key_for_char((char)symbol, &shifted);
        *shift = shifted;
        return key;
    }
    for (size_t i = 0; i < ARRAY_SIZE(special_keys); i++)
        if (special_keys[i].symbol == symbol)
            return special_keys[i].key;
    return -1;
}

static void press(struct vnc *vnc, int key, bool down)
{
    vnc->held[key & (KEYS - 1)] = down;
    input_key(&vnc->machine->input, key, down);
}

/* Gives the guest the other Shift than the client holds, for as long as a key goes down. */
static void press_with_shift(struct vnc *vnc, int key, bool shift)
{
    struct input *input = &vnc->machine->input;
    bool left = vnc->held[KEY_SHIFT_LEFT], right = vnc->held[KEY_SHIFT_RIGHT];
    if (shift) {
        input_key(input, KEY_SHIFT_LEFT, true);
        press(vnc, key, true);
        input_key(input, KEY_SHIFT_LEFT, false);
        return;
    }
    if (left)
        input_key(input, KEY_SHIFT_LEFT, false);
    if (right)
        input_key(input, KEY_SHIFT_RIGHT, false);
    press(vnc, key, true);
    if (left)
        input_key(input, KEY_SHIFT_LEFT, true);
    if (right)
        input_key(input, KEY_SHIFT_RIGHT, true);
}

static void on_key(rfbBool down, rfbKeySym symbol, rfbClientPtr client)
{
    struct vnc *vnc = vnc_of(client);
    int shift, key = find_key(symbol, &shift);
    if (key < 0)
        return;
    machine_lock(vnc->machine);
    bool shifted = vnc->held[KEY_SHIFT_LEFT] || vnc->held[KEY_SHIFT_RIGHT];
    if (down && shift >= 0 && shift != shifted)
        press_with_shift(vnc, key, shift);
    else
        press(vnc, key, down);
    machine_unlock(vnc->machine);
}

/* --- pointer ------------------------------------------------------------------------------------------------------ */

static unsigned buttons_of(int mask)
{
    return (mask & 1) | (mask & 4) >> 1 | (mask & 2) << 1; /* left, middle, right: 1, 4, 2 */
}

static void on_pointer(int mask, int x, int y, rfbClientPtr client)
{
    struct vnc *vnc = vnc_of(client);
    struct input *input = &vnc->machine->input;
    int wheel = mask & 8 ? 1 : mask & 16 ? -1 : 0;
    machine_lock(vnc->machine);
    if (input_is_absolute(input))
        input_absolute(input, (int)((i64)x * INPUT_ABSOLUTE_MAX / MAX(vnc->width - 1, 1)),
                       (int)((i64)y * INPUT_ABSOLUTE_MAX / MAX(vnc->height - 1, 1)), wheel, buttons_of(mask));
    else
        input_pointer(input, (x - vnc->x) / vnc->zoom, (y - vnc->y) / vnc->zoom, wheel, buttons_of(mask));
    machine_unlock(vnc->machine);
    vnc->x = x;
    vnc->y = y;
    rfbDefaultPtrAddEvent(mask, x, y, client);
}

/* --- clients ------------------------------------------------------------------------------------------------------ */

static void on_gone(rfbClientPtr client)
{
    struct vnc *vnc = vnc_of(client);
    vnc->clients--;
    machine_lock(vnc->machine);
    for (int key = 0; key < KEYS; key++)
        if (vnc->held[key])
            press(vnc, key, false);
    if (!input_is_absolute(&vnc->machine->input))
        input_pointer(&vnc->machine->input, 0, 0, 0, 0);
    machine_unlock(vnc->machine);
}

static enum rfbNewClientAction on_client(rfbClientPtr client)
{
    struct vnc *vnc = vnc_of(client);
    client->clientGoneHook = on_gone;
    vnc->clients++;
    return RFB_CLIENT_ACCEPT;
}

/* The library listens on TCP ports only. */
static void accept_local(struct vnc *vnc)
{
    int client = vnc->listener >= 0 ? accept4(vnc->listener, NULL, NULL, SOCK_CLOEXEC) : -1;
    if (client >= 0)
        rfbNewClient(vnc->screen, client);
}

static void *serve(void *opaque)
{
    struct vnc *vnc = opaque;
    while (!vnc->stopping) {
        accept_local(vnc);
        rfbProcessEvents(vnc->screen, vnc->clients ? FRAME_US : IDLE_US);
        if (vnc->clients)
            draw(vnc);
    }
    return NULL;
}

/* --- opening ------------------------------------------------------------------------------------------------------ */

struct address {
    in_addr_t host;
    int port;
    const char *path; /* "unix:PATH": neither of these */
};

static int parse_address(const char *text, struct address *address, struct error *err)
{
    char host[64] = "127.0.0.1", *end;
    const char *colon = strrchr(text, ':');
    if (!strncmp(text, "unix:", 5)) {
        address->path = text + 5;
        return *address->path ? 0 : error_set(err, EINVAL, "-vnc unix:PATH: the path is missing");
    }
    if (!colon || (size_t)(colon - text) >= sizeof(host))
        return error_set(err, EINVAL, "-vnc %s: write [ADDRESS]:N for port 5900 + N, or unix:PATH", text);
    if (colon != text)
        snprintf(host, sizeof(host), "%.*s", (int)(colon - text), text);
    if (!strcmp(host, "localhost"))
        strcpy(host, "127.0.0.1");
    address->host = inet_addr(host);
    if (address->host == INADDR_NONE)
        return error_set(err, EINVAL, "-vnc %s: '%s' is not a numeric IPv4 address of this host", text, host);
    long number = strtol(colon + 1, &end, 10);
    if (end == colon + 1 || *end || number < 0 || number > 59635)
        return error_set(err, EINVAL, "-vnc %s: the display is a number from 0 to 59635", text);
    address->port = 5900 + (int)number;
    return 0;
}

static int read_password(struct vnc *vnc, const char *path, struct error *err)
{
    char line[256] = "";
    FILE *file = fopen(path, "re");
    if (!file)
        return error_set(err, errno, "-vnc password-file=%s: %s", path, strerror(errno));
    char *got = fgets(line, sizeof(line), file);
    fclose(file);
    line[strcspn(line, "\r\n")] = '\0';
    if (!got || !*line)
        return error_set(err, EINVAL, "-vnc password-file=%s: its first line has no password", path);
    vnc->password[0] = strdup(line);
    return 0;
}

static int parse_settings(struct vnc *vnc, char *spec, struct address *address, struct error *err)
{
    char *rest = NULL, *first = strtok_r(spec, ",", &rest);
    int r = parse_address(first ? first : "", address, err);
    for (char *key; r == 0 && (key = strtok_r(NULL, ",", &rest));) {
        free(vnc->password[0]);
        vnc->password[0] = NULL;
        if (!strncmp(key, "password=", 9))
            vnc->password[0] = strdup(key + 9);
        else if (!strncmp(key, "password-file=", 14))
            r = read_password(vnc, key + 14, err);
        else
            r = error_set(err, EINVAL, "-vnc: unknown setting '%s'; there are password=TEXT and password-file=FILE",
                          key);
    }
    if (r == 0 && vnc->password[0] && strlen(vnc->password[0]) > 8)
        r = error_set(err, EINVAL, "-vnc: the password is too long; the protocol has 8 characters");
    return r;
}

/* A socket file that nobody listens at any more is in the way. */
static bool is_stale(const struct sockaddr_un *name)
{
    int probe = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bool refused =
        probe >= 0 && connect(probe, (const struct sockaddr *)name, sizeof(*name)) < 0 && errno == ECONNREFUSED;
    if (probe >= 0)
        close(probe);
    return refused;
}

static int listen_local(struct vnc *vnc, const char *path, struct error *err)
{
    struct sockaddr_un name = {.sun_family = AF_UNIX};
    if (strlen(path) >= sizeof(name.sun_path))
        return error_set(err, ENAMETOOLONG, "-vnc unix:%s: the path is too long for a socket", path);
    strcpy(name.sun_path, path);
    if (is_stale(&name))
        unlink(path);
    vnc->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    mode_t before = umask(0077); /* for its owner alone, as the loopback interface is no other host's */
    int r = vnc->listener < 0 ? -1 : bind(vnc->listener, (const struct sockaddr *)&name, sizeof(name));
    umask(before);
    if (r == 0)
        strcpy(vnc->path, path);
    if (r < 0 || listen(vnc->listener, 5) < 0)
        return error_set(err, errno, "-vnc unix:%s: %s", path, strerror(errno));
    return 0;
}

static int open_screen(struct vnc *vnc, const struct address *address, const char *name, struct error *err)
{
    int argc = 0;
    vnc->surface.width = 720;
    vnc->surface.height = 400;
    if (!resize(vnc))
        return error_set(err, ENOMEM, "-vnc: not enough memory");
    vnc->surface = (struct surface){0};
    rfbLogEnable(0);
    rfbMaxClientWait = CLIENT_WAIT_MS;
    rfbScreenInfoPtr screen = vnc->screen = rfbGetScreen(&argc, NULL, vnc->width, vnc->height, 8, 3, 4);
    if (!screen)
        return error_set(err, ENOMEM, "-vnc: not enough memory");
    set_format(screen);
    screen->frameBuffer = (char *)vnc->pixels;
    screen->screenData = vnc;
    screen->desktopName = name ? name : "Clutch";
    screen->alwaysShared = TRUE;
    screen->port = address->path ? 0 : address->port; /* 0: it does not listen */
    screen->ipv6port = 0;
    screen->listenInterface = address->host;
    screen->kbdAddEvent = on_key;
    screen->ptrAddEvent = on_pointer;
    screen->newClientHook = on_client;
    screen->cursor = NULL; /* the guest draws its own */
    if (vnc->password[0]) {
        screen->authPasswdData = vnc->password;
        screen->passwordCheck = rfbCheckPasswordByList;
    }
    rfbInitServer(screen);
    if (address->path)
        return listen_local(vnc, address->path, err);
    if (screen->listenSock == RFB_INVALID_SOCKET)
        return error_set(err, EADDRINUSE,
                         "-vnc: cannot listen on port %d; another program may have it: take another :N", address->port);
    return 0;
}

struct vnc *vnc_create(struct machine *machine, const char *spec, const char *name, struct error *err)
{
    struct address address = {0};
    struct vnc *vnc = calloc(1, sizeof(*vnc));
    char *copy = strdup(spec);
    error_set(err, ENOMEM, "-vnc: not enough memory");
    if (vnc)
        vnc->listener = -1;
    if (vnc && copy) {
        vnc->machine = machine;
        if (parse_settings(vnc, copy, &address, err) == 0 && open_screen(vnc, &address, name, err) == 0) {
            vnc->started = pthread_create(&vnc->thread, NULL, serve, vnc) == 0;
            if (vnc->started) {
                free(copy);
                return vnc;
            }
            error_set(err, EAGAIN, "-vnc: cannot start a thread");
        }
    }
    free(copy);
    vnc_destroy(vnc);
    return NULL;
}

void vnc_destroy(struct vnc *vnc)
{
    if (!vnc)
        return;
    vnc->stopping = true;
    if (vnc->started)
        pthread_join(vnc->thread, NULL);
    if (vnc->screen) {
        rfbShutdownServer(vnc->screen, TRUE);
        rfbScreenCleanup(vnc->screen);
    }
    if (vnc->listener >= 0)
        close(vnc->listener);
    if (*vnc->path)
        unlink(vnc->path);
    surface_free(&vnc->surface);
    free(vnc->pixels);
    free(vnc->password[0]);
    free(vnc);
}

#else

struct vnc *vnc_create(struct machine *machine, const char *spec, const char *name, struct error *err)
{
    error_set(err, ENOTSUP, "-vnc: this clutch was built without libvncserver (Debian package: libvncserver-dev)");
    return NULL;
}

void vnc_destroy(struct vnc *vnc) {}

#endif
