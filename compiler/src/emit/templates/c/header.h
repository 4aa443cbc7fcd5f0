/* {{ title }}, int8, for {{ target }} ({{ kernels }}). Written by Bakelite {{ version }}.
 *
 * No allocation, no state of its own, no threads: everything a run needs is in the memory that you give it, so several may run
 * at once with an arena each. The answers are the same, bit for bit, on every CPU.
 */
#ifndef {{ upper }}_H
#define {{ upper }}_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The image: so many rows of so many pixels of interleaved bytes, red first. */
#define {{ upper }}_HEIGHT {{ height }}
#define {{ upper }}_WIDTH {{ width }}
#define {{ upper }}_CHANNELS {{ channels }}
#define {{ upper }}_IMAGE_LEN ((size_t){{ upper }}_HEIGHT * {{ upper }}_WIDTH * {{ upper }}_CHANNELS)

/* Numbers that the network answers. */
#define {{ upper }}_OUTPUTS {{ outputs }}
{%- for answer in answers %}

/* {{ answer.text }}: numbers {{ answer.start }} to {{ answer.end }} of the answer, row by row. */
#define {{ upper }}_{{ answer.upper }}_START {{ answer.start }}
#define {{ upper }}_{{ answer.upper }}_HEIGHT {{ answer.height }}
#define {{ upper }}_{{ answer.upper }}_WIDTH {{ answer.width }}
#define {{ upper }}_{{ answer.upper }}_CHANNELS {{ answer.channels }}
{%- endfor %}

/* Where the arena starts: a multiple of this. */
#define {{ upper }}_ARENA_ALIGN 64

/* What {{ name }}_run and {{ name }}_fit return. */
enum {
    {{ upper }}_OK = 0,
    {{ upper }}_NULL = 1,      /* a pointer is null */
    {{ upper }}_SMALL = 2,     /* arena_len is less than {{ name }}_arena_size(), or memory_len than {{ name }}_fit_memory() */
    {{ upper }}_MISALIGNED = 3, /* the arena or the answers are not aligned, or the memory not to 4 bytes */
    {{ upper }}_SIZE = 4       /* a picture without pixels, or with too many to count */
};

/* Bytes that a run needs ({{ arena }} of them used). */
size_t {{ name }}_arena_size(void);

/* 1 if this CPU has the instructions that the library was compiled for, 0 if not. On Arm without Linux or Android a library
 * cannot tell, and the answer is 1: ask the operating system before you run code for newer cores. */
int32_t {{ name }}_cpu_is_supported(void);

/* Runs the network on {{ upper }}_IMAGE_LEN bytes and writes {{ upper }}_OUTPUTS numbers. The arena is yours: at least
 * {{ name }}_arena_size() bytes, aligned, written once with anything (static or calloc'ed memory is), used by one run at a
 * time. Returns {{ upper }}_OK, or what is wrong; then nothing was written. */
int32_t {{ name }}_run(void *arena, size_t arena_len, const uint8_t *image, float *answers);

/* Bytes of memory that {{ name }}_fit works in for a picture of that size; 0 where it has no pixels, or too many to count. */
size_t {{ name }}_fit_memory(size_t height, size_t width);

/* From a picture of any size to an image for {{ name }}_run, with the very resizing, cropping and padding that calibration did: height rows
 * of width pixels of red, green and blue at rgb, {{ upper }}_IMAGE_LEN bytes at image. The memory is yours: at least
 * {{ name }}_fit_memory() bytes, aligned to 4, written once with anything. Returns {{ upper }}_OK, or what is wrong; then nothing was
 * written. */
int32_t {{ name }}_fit(const uint8_t *rgb, size_t height, size_t width, void *memory, size_t memory_len, uint8_t *image);

#ifdef __cplusplus
}
#endif

#endif
