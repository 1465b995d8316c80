/*
 * The guest's picture in the window: its shape, its scale, its filter.
 *
 * Nearest-neighbour scaling by a factor that is not whole makes some pixels larger than others.  So the sharp filter
 * enlarges by the next whole factor first and lets the host's linear filter do the rest: edges stay crisp and even.
 */
#include <string.h>

#include "ui/sdl/internal.h"

#define SMALLEST_WIDTH 600 /* a picture narrower than this is shown twice as large */

void picture_free(struct window *window)
{
    struct picture *picture = &window->picture;
    if (picture->texture)
        SDL_DestroyTexture(picture->texture);
    if (picture->sharp)
        SDL_DestroyTexture(picture->sharp);
    surface_free(&picture->surface);
    *picture = (struct picture){0};
}

static bool make_texture(struct window *window)
{
    struct picture *picture = &window->picture;
    const struct surface *surface = &picture->surface;
    if (picture->texture)
        SDL_DestroyTexture(picture->texture);
    picture->texture = SDL_CreateTexture(window->renderer, SDL_PIXELFORMAT_RGB888, SDL_TEXTUREACCESS_STREAMING,
                                         surface->width, surface->height);
    picture->width = surface->width;
    picture->height = surface->height;
    return picture->texture != NULL;
}

bool picture_upload(struct window *window)
{
    struct picture *picture = &window->picture;
    const struct surface *surface = &picture->surface;
    SDL_Rect lines = {0, surface->dirty_first, surface->width, surface->dirty_end - surface->dirty_first};
    bool same = picture->texture && surface->width == picture->width && surface->height == picture->height;
    if (!surface->width || !surface->height || (!same && !make_texture(window)))
        return false;
    if (!same)
        lines = (SDL_Rect){0, 0, surface->width, surface->height};
    if (lines.h <= 0)
        return false;
    SDL_UpdateTexture(picture->texture, &lines, surface->pixels + (size_t)lines.y * (size_t)surface->width,
                      surface->width * (int)sizeof(u32));
    picture->sharp_stale = true;
    return true;
}

/* The picture's size with square pixels of the host, in the larger of the two directions as it is. */
static void corrected_size(const struct picture *picture, int *width, int *height)
{
    const struct surface *surface = &picture->surface;
    int w = picture->width, h = picture->height;
    if (!picture->square && surface->aspect_width && surface->aspect_height) {
        int tall = w * surface->aspect_height / surface->aspect_width;
        if (tall >= h)
            h = tall;
        else
            w = h * surface->aspect_width / surface->aspect_height;
    }
    *width = w;
    *height = h;
}

void picture_natural_size(const struct window *window, int zoom, int *width, int *height)
{
    corrected_size(&window->picture, width, height);
    if (*width < SMALLEST_WIDTH)
        zoom *= 2;
    *width *= zoom;
    *height *= zoom;
}

void picture_place(struct window *window, int width, int height)
{
    struct picture *picture = &window->picture;
    int w, h;
    corrected_size(picture, &w, &h);
    if (!w || !h)
        return;
    float factor = MIN((float)width / (float)w, (float)height / (float)h);
    if (picture->whole && factor >= 1)
        factor = (float)(int)factor;
    SDL_Rect place = {.w = MAX(1, (int)((float)w * factor + 0.5f)), .h = MAX(1, (int)((float)h * factor + 0.5f))};
    place.x = (width - place.w) / 2;
    place.y = (height - place.h) / 2;
    picture->place = place;
}

/* The whole factor that is enough in one direction; 1: nothing to do beforehand. */
static int whole_factor(int shown, int size)
{
    return MIN((shown + size - 1) / size, 8);
}

static bool is_exact(const struct picture *picture)
{
    return picture->place.w % picture->width == 0 && picture->place.h % picture->height == 0;
}

static bool make_sharp(struct window *window)
{
    struct picture *picture = &window->picture;
    int width = picture->width * whole_factor(picture->place.w, picture->width);
    int height = picture->height * whole_factor(picture->place.h, picture->height);
    if (picture->sharp && picture->sharp_width == width && picture->sharp_height == height)
        return true;
    if (picture->sharp)
        SDL_DestroyTexture(picture->sharp);
    picture->sharp =
        SDL_CreateTexture(window->renderer, SDL_PIXELFORMAT_RGB888, SDL_TEXTUREACCESS_TARGET, width, height);
    picture->sharp_width = width;
    picture->sharp_height = height;
    picture->sharp_stale = true;
    return picture->sharp != NULL;
}

void picture_show(struct window *window)
{
    struct picture *picture = &window->picture;
    SDL_Renderer *renderer = window->renderer;
    if (!picture->texture)
        return;
    bool plain = picture->smooth || is_exact(picture);
    if (!plain && SDL_RenderTargetSupported(renderer) && make_sharp(window)) {
        if (picture->sharp_stale) {
            SDL_SetTextureScaleMode(picture->texture, SDL_ScaleModeNearest);
            SDL_SetRenderTarget(renderer, picture->sharp);
            SDL_RenderCopy(renderer, picture->texture, NULL, NULL);
            SDL_SetRenderTarget(renderer, NULL);
            picture->sharp_stale = false;
        }
        SDL_SetTextureScaleMode(picture->sharp, SDL_ScaleModeLinear);
        SDL_RenderCopy(renderer, picture->sharp, NULL, &picture->place);
        return;
    }
    SDL_SetTextureScaleMode(picture->texture, picture->smooth ? SDL_ScaleModeLinear : SDL_ScaleModeNearest);
    SDL_RenderCopy(renderer, picture->texture, NULL, &picture->place);
}
