/* Reads raw images of {{ upper }}_IMAGE_LEN bytes on standard input and prints each answer: the bits of every number in
 * hexadecimal, or with the argument `best` the largest number and its place.
 *
 *     cc -O2 -Iinclude c/example.c target/{{ triple }}/release/lib{{ name }}.a -o example
 */
#include "{{ name }}.h"

#include <stdio.h>
#include <string.h>

static uint8_t image[{{ upper }}_IMAGE_LEN];
static float answers[{{ upper }}_OUTPUTS];
/* Zeros, so they take no room in the file. A little more than this network needs, so that its size need not be a constant. */
static _Alignas({{ upper }}_ARENA_ALIGN) uint8_t arena[{{ arena_bound }}];

int main(int argc, char **argv) {
    int best_only = argc > 1 && strcmp(argv[1], "best") == 0;
    if (!{{ name }}_cpu_is_supported()) {
        fputs("this CPU lacks the instructions that the network was compiled for\n", stderr);
        return 3;
    }
    while (fread(image, 1, sizeof image, stdin) == sizeof image) {
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
    return 0;
}
