/*
 * Which of SDL's renderers draws the window.
 *
 * SDL takes OpenGL where there is one.  Where the host draws OpenGL on its processors (a virtual machine, a remote
 * desktop), that costs four times what SDL's own software renderer takes, so that one is chosen there.  It draws into
 * memory shared with the X server; SDL_RENDER_DRIVER in the environment overrides the choice.
 *
 * Source: OpenGL 2.1 specification, "String Queries" (RENDERER names the hardware); the names are those of Mesa,
 *         SwiftShader and the fallbacks of Windows and macOS.
 */
#include <string.h>

#include "ui/sdl/internal.h"

#define GL_RENDERER 0x1f01

static bool is_software_name(const char *name)
{
    static const char *const parts[] = {"llvmpipe",          "softpipe",    "swrast",     "Software Rasterizer",
                                        "Software Renderer", "SwiftShader", "GDI Generic"};
    for (size_t i = 0; i < ARRAY_SIZE(parts); i++)
        if (strstr(name, parts[i]))
            return true;
    return false;
}

/* Of the context that is current. */
static bool context_is_software(void)
{
    const unsigned char *(*get_string)(unsigned what);
    *(void **)&get_string = SDL_GL_GetProcAddress("glGetString");
    const unsigned char *name = get_string ? get_string(GL_RENDERER) : NULL;
    return !name || is_software_name((const char *)name);
}

/* Asks in a window that is never shown. */
static bool opengl_is_software(void)
{
    bool software = true;
    SDL_Window *probe = SDL_CreateWindow("", 0, 0, 16, 16, SDL_WINDOW_OPENGL | SDL_WINDOW_HIDDEN);
    SDL_GLContext context = probe ? SDL_GL_CreateContext(probe) : NULL;
    if (context) {
        software = context_is_software();
        SDL_GL_DeleteContext(context);
    }
    if (probe)
        SDL_DestroyWindow(probe);
    return software;
}

/* Another renderer than OpenGL is SDL's choice for a host that we know nothing about. */
static bool software_is_better(void)
{
    SDL_RendererInfo first;
    const char *asked = SDL_GetHint(SDL_HINT_RENDER_DRIVER);
    if (asked && *asked)
        return !strcmp(asked, "software");
    return SDL_GetRenderDriverInfo(0, &first) == 0 && !strncmp(first.name, "opengl", 6) && opengl_is_software();
}

SDL_Renderer *renderer_create(SDL_Window *window)
{
    SDL_Renderer *renderer = NULL;
    if (software_is_better()) {
        SDL_SetHint(SDL_HINT_FRAMEBUFFER_ACCELERATION, "0"); /* else its pictures go through OpenGL all the same */
        renderer = SDL_CreateRenderer(window, -1, SDL_RENDERER_SOFTWARE);
        if (!renderer) /* not under Wayland */
            SDL_SetHint(SDL_HINT_FRAMEBUFFER_ACCELERATION, NULL);
    }
    return renderer ? renderer : SDL_CreateRenderer(window, -1, SDL_RENDERER_PRESENTVSYNC);
}
