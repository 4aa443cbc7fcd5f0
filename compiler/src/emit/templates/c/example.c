/* Reads raw images of {{ upper }}_IMAGE_LEN bytes on standard input and prints each answer: the bits of every number in
 * hexadecimal, or with the argument `best` the largest number and its place. With the arguments HEIGHT WIDTH it reads pictures of
 * that size, red, green and blue, and resizes them as calibration did.
 *
 *     cc -O2 -Iinclude c/example.c target/{{ triple }}/release/lib{{ name }}.a -o example
 */
#include "{{ name }}.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static uint8_t image[{{ upper }}_IMAGE_LEN];
static float answers[{{ upper }}_OUTPUTS];
/* Zeros, so they take no room in the file. A little more than this network needs, so that its size need not be a constant. */
static _Alignas({{ upper }}_ARENA_ALIGN) uint8_t arena[{{ arena_bound }}];

/* The next image: 1, or 0 if there is none, or less if it cannot be made. */
static int next_image(uint8_t *picture, size_t height, size_t width, void *memory) {
    if (height == 0) {
        return fread(image, 1, sizeof image, stdin) == sizeof image;
    }
    size_t len = height * width * 3;
    if (picture == NULL || fread(picture, 1, len, stdin) != len) {
        return 0;
    }
    int32_t status = {{ name }}_fit(picture, height, width, memory, {{ name }}_fit_memory(height, width), image);
    return status == {{ upper }}_OK ? 1 : -(int)status;
}

int main(int argc, char **argv) {
    int best_only = argc > 1 && strcmp(argv[1], "best") == 0;
    if (!{{ name }}_cpu_is_supported()) {
        fputs("this CPU lacks the instructions that the network was compiled for\n", stderr);
        return 3;
    }
    size_t height = argc > 2 ? strtoul(argv[argc - 2], NULL, 10) : 0;
    size_t width = argc > 2 ? strtoul(argv[argc - 1], NULL, 10) : 0;
    if (argc > 2 && {{ name }}_fit_memory(height, width) == 0) {
        fputs("a picture has at least one row and one column\n", stderr);
        return 2;
    }
    uint8_t *picture = height > 0 ? malloc(height * width * 3) : NULL;
    void *memory = height > 0 ? calloc({{ name }}_fit_memory(height, width), 1) : NULL;
    int next;
    while ((next = next_image(picture, height, width, memory)) > 0) {
        int32_t status = {{ name }}_run(arena, sizeof arena, image, answers);
        if (status != {{ upper }}_OK) {
            fprintf(stderr, "{{ name }}_run: %d\n", (int)status);
            return 1;
        }
        size_t best = 0;
        for (size_t i = 0; i < {{ upper }}_OUTPUTS; i++) {
            uint32_t bits;
            memcpy(&bits, &answers[i], sizeof bits);
            best = answers[i] > answers[best] ? i : best;
            if (!best_only) {
                printf("%08lx%c", (unsigned long)bits, i + 1 < {{ upper }}_OUTPUTS ? ' ' : '\n');
            }
        }
        if (best_only) {
            printf("%lu %g\n", (unsigned long)best, answers[best]);
        }
    }
    free(picture);
    free(memory);
    if (next < 0) {
        fprintf(stderr, "{{ name }}_fit: %d\n", -next);
        return 1;
    }
    return 0;
}
