/*
 * Drags files onto another program's window, as a file manager does: xdnd WINDOW FILE...
 * Exit status 0: the other side took them; 1: it refused or did not answer.
 *
 * Source: XDND protocol, version 5 (freedesktop.org), "Typical data transfer"; ICCCM 2.0, "Peer-to-Peer Communication by Means
 *         of Selections".
 */
#include <X11/Xatom.h>
#include <X11/Xlib.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PATIENCE_MS 10000

static Display *display;
static Window source, target;
static Atom uri_list, selection;
static char uris[8192];

static Atom atom(const char *name)
{
    return XInternAtom(display, name, False);
}

static void tell(const char *type, const long data[5])
{
    XEvent event = {.xclient = {.type = ClientMessage, .window = target, .format = 32}};
    event.xclient.message_type = atom(type);
    for (int i = 0; i < 5; i++)
        event.xclient.data.l[i] = data[i];
    XSendEvent(display, target, False, NoEventMask, &event);
    XFlush(display);
}

/* The target asks for the list of files. */
static void answer(const XSelectionRequestEvent *request)
{
    XEvent event = {.xselection = {.type = SelectionNotify, .requestor = request->requestor, .selection = request->selection,
                                   .target = request->target, .property = request->property, .time = request->time}};
    XChangeProperty(display, request->requestor, request->property, uri_list, 8, PropModeReplace,
                    (const unsigned char *)uris, (int)strlen(uris));
    XSendEvent(display, request->requestor, False, NoEventMask, &event);
    XFlush(display);
}

/* The data of a message of this kind; requests for the files are served meanwhile. */
static int await(const char *type, long data[5])
{
    struct pollfd host = {.fd = ConnectionNumber(display), .events = POLLIN};
    Atom wanted = atom(type);
    while (XPending(display) || poll(&host, 1, PATIENCE_MS) > 0) {
        XEvent event;
        XNextEvent(display, &event);
        if (event.type == SelectionRequest)
            answer(&event.xselectionrequest);
        if (event.type == ClientMessage && event.xclient.message_type == wanted) {
            memcpy(data, event.xclient.data.l, 5 * sizeof(long));
            return 0;
        }
    }
    fprintf(stderr, "xdnd: no %s\n", type);
    return -1;
}

static void list_files(int count, char **files)
{
    size_t used = 0;
    for (int i = 0; i < count && used < sizeof(uris); i++)
        used += (size_t)snprintf(uris + used, sizeof(uris) - used, "file://%s\r\n", files[i]);
}

/* The middle of the target on the screen, in the form of XdndPosition. */
static long middle(void)
{
    XWindowAttributes window;
    Window child;
    int x = 0, y = 0;
    XGetWindowAttributes(display, target, &window);
    XTranslateCoordinates(display, target, DefaultRootWindow(display), window.width / 2, window.height / 2, &x, &y, &child);
    return (long)x << 16 | y;
}

int main(int argc, char **argv)
{
    long reply[5];
    if (argc < 3 || !(display = XOpenDisplay(NULL))) {
        fprintf(stderr, "usage: xdnd WINDOW FILE...\n");
        return 1;
    }
    target = strtoul(argv[1], NULL, 0);
    source = XCreateSimpleWindow(display, DefaultRootWindow(display), 0, 0, 1, 1, 0, 0, 0);
    uri_list = atom("text/uri-list");
    selection = atom("XdndSelection");
    list_files(argc - 2, argv + 2);
    XSetSelectionOwner(display, selection, source, CurrentTime);
    tell("XdndEnter", (long[5]){(long)source, 5L << 24, (long)uri_list});
    tell("XdndPosition", (long[5]){(long)source, 0, middle(), CurrentTime, (long)atom("XdndActionCopy")});
    if (await("XdndStatus", reply) < 0 || !(reply[1] & 1))
        return 1;
    tell("XdndDrop", (long[5]){(long)source, 0, CurrentTime});
    if (await("XdndFinished", reply) < 0)
        return 1;
    return reply[1] & 1 ? 0 : 1;
}
