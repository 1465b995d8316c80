/*
 * vncclient HOST:N|/PATH PASSWORD COMMAND...: a client on libvncclient.  Commands: type:TEXT, wait:MS, shot:FILE.ppm (prints size
 * and number of colours), move:X,Y, key:KEYSYM (hexadecimal).  PASSWORD - means none is expected.
 */
#include <rfb/rfbclient.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static const char *password;

static char *give_password(rfbClient *client)
{
    return strdup(password);
}

static long now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static int listen_for(rfbClient *client, long ms)
{
    for (long end = now_ms() + ms; now_ms() < end;) {
        int ready = WaitForMessage(client, 20000);
        if (ready < 0 || (ready > 0 && !HandleRFBServerMessage(client)))
            return -1;
    }
    return 0;
}

static void type(rfbClient *client, const char *text)
{
    for (; *text; text++) {
        SendKeyEvent(client, *text == '\n' ? 0xff0d : (unsigned char)*text, TRUE);
        SendKeyEvent(client, *text == '\n' ? 0xff0d : (unsigned char)*text, FALSE);
    }
}

static int shoot(rfbClient *client, const char *path)
{
    unsigned seen[64];
    int count = 0;
    FILE *file = fopen(path, "wb");
    if (!file)
        return -1;
    fprintf(file, "P6 %d %d 255\n", client->width, client->height);
    for (int i = 0; i < client->width * client->height; i++) {
        unsigned char *pixel = client->frameBuffer + 4 * i;
        unsigned colour = pixel[2] << 16 | pixel[1] << 8 | pixel[0];
        int known = 0;
        while (known < count && seen[known] != colour)
            known++;
        if (known == count && count < 64)
            seen[count++] = colour;
        fputc(pixel[2], file), fputc(pixel[1], file), fputc(pixel[0], file);
    }
    fclose(file);
    printf("%dx%d %d colours\n", client->width, client->height, count);
    return 0;
}

static int obey(rfbClient *client, const char *command)
{
    int x, y;
    if (!strncmp(command, "type:", 5))
        type(client, command + 5);
    else if (!strncmp(command, "wait:", 5))
        return listen_for(client, atol(command + 5));
    else if (!strncmp(command, "shot:", 5))
        return shoot(client, command + 5);
    else if (sscanf(command, "move:%d,%d", &x, &y) == 2)
        SendPointerEvent(client, x, y, 0);
    else if (!strncmp(command, "key:", 4)) {
        SendKeyEvent(client, strtoul(command + 4, NULL, 16), TRUE);
        SendKeyEvent(client, strtoul(command + 4, NULL, 16), FALSE);
    } else {
        return -1;
    }
    return listen_for(client, 100);
}

int main(int argc, char **argv)
{
    char host[64];
    if (argc < 3 || (!strchr(argv[1], ':') && *argv[1] != '/'))
        return 2;
    rfbEnableClientLogging = FALSE;
    password = argv[2];
    rfbClient *client = rfbGetClient(8, 3, 4);
    client->GetPassword = give_password;
    client->canHandleNewFBSize = TRUE;
    client->format.redShift = 16, client->format.greenShift = 8, client->format.blueShift = 0;
    if (*argv[1] == '/') { /* a local socket: the library takes an existing path for a host */
        client->serverHost = strdup(argv[1]);
    } else {
        snprintf(host, sizeof(host), "%.*s", (int)(strchr(argv[1], ':') - argv[1]), argv[1]);
        client->serverHost = strdup(host);
        client->serverPort = 5900 + atoi(strchr(argv[1], ':') + 1);
    }
    if (!rfbInitClient(client, NULL, NULL)) {
        printf("refused\n");
        return 1;
    }
    for (int i = 3; i < argc; i++)
        if (obey(client, argv[i]) < 0) {
            printf("lost\n");
            return 1;
        }
    rfbClientCleanup(client);
    return 0;
}
