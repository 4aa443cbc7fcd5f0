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

/* What {{ name }}_run returns. */
enum {
    {{ upper }}_OK = 0,
    {{ upper }}_NULL = 1,      /* a pointer is null */
    {{ upper }}_SMALL = 2,     /* arena_len is less than {{ name }}_arena_size() */
    {{ upper }}_MISALIGNED = 3 /* the arena or the answers are not aligned */
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

#ifdef __cplusplus
}
#endif

#endif
