/* The most that one core computes: fused multiply-adds of float32 in registers, without memory.
 *
 *     cc -O3 -march=native -ffast-math fma.c -o fma && ./fma SECONDS
 *
 * prints GFLOP/s, a multiply-add counted as two. Ten chains that do not depend on each other are
 * enough to keep two units busy whose results take four cycles.
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#if defined(__AVX512F__)
#define BYTES 64
#elif defined(__AVX__)
#define BYTES 32
#else
#define BYTES 16
#endif
typedef float vector __attribute__((vector_size(BYTES)));

static double now(void) {
    struct timespec time;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time); /* others may share the core */
    return time.tv_sec + 1e-9 * time.tv_nsec;
}

int main(int count, char **words) {
    double seconds = count > 1 ? atof(words[1]) : 1.0, begin = now(), passed;
    const long turns = 1000000;
    long done = 0;
    vector a = {0}, b = {0}, x[10];
    for (unsigned i = 0; i < BYTES / sizeof(float); i++) a[i] = 0.999f, b[i] = 0.001f;
    for (int i = 0; i < 10; i++) x[i] = b * (float)(i + 1);
    do {
        vector c0 = x[0], c1 = x[1], c2 = x[2], c3 = x[3], c4 = x[4];
        vector c5 = x[5], c6 = x[6], c7 = x[7], c8 = x[8], c9 = x[9];
        for (long turn = 0; turn < turns; turn++) {
            c0 = c0 * a + b; c1 = c1 * a + b; c2 = c2 * a + b; c3 = c3 * a + b; c4 = c4 * a + b;
            c5 = c5 * a + b; c6 = c6 * a + b; c7 = c7 * a + b; c8 = c8 * a + b; c9 = c9 * a + b;
        }
        x[0] = c0; x[1] = c1; x[2] = c2; x[3] = c3; x[4] = c4;
        x[5] = c5; x[6] = c6; x[7] = c7; x[8] = c8; x[9] = c9;
        done += turns;
        passed = now() - begin;
    } while (passed < seconds);
    float sum = 0;
    for (int i = 0; i < 10; i++)
        for (unsigned k = 0; k < BYTES / sizeof(float); k++) sum += x[i][k];
    fprintf(stderr, "%g\n", sum);
    printf("%.3f\n", done * 10.0 * (BYTES / sizeof(float)) * 2.0 / passed / 1e9);
    return 0;
}
