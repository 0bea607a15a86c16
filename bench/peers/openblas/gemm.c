// gemm THREADS MS SHAPE... prints {"32x30x64": GFLOPS, ...} of cblas_sgemm: the best of slices of some 2 ms each, for MS
// milliseconds a shape, as bench/kernel.go measures lathe's product: by the thread's own time for one thread, by the clock for
// more. A shape is MxKxN; all matrices are row-major, and the result is overwritten.
#include <cblas.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

void openblas_set_num_threads(int n);
char *openblas_get_corename(void);

static clockid_t stopwatch = CLOCK_MONOTONIC;

static double now(clockid_t clock) {
	struct timespec t;
	clock_gettime(clock, &t);
	return t.tv_sec + 1e-9 * t.tv_nsec;
}

static float *ramp(long n) {
	float *v = aligned_alloc(64, (4 * n + 63) / 64 * 64);
	if (v == NULL) {
		exit(2);
	}
	for (long i = 0; i < n; i++) {
		v[i] = (i % 17) / 16.f - .5f;
	}
	return v;
}

static double slice(int m, int k, int n, const float *a, const float *b, float *c, long times) {
	double start = now(stopwatch);
	for (long i = 0; i < times; i++) {
		cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, m, n, k, 1, a, k, b, n, 0, c, n);
	}
	return now(stopwatch) - start;
}

static double best(int m, int k, int n, double limit) {
	float *a = ramp((long)m * k), *b = ramp((long)k * n), *c = ramp((long)m * n);
	long times = 1;
	double took = slice(m, k, n, a, b, c, times);
	while ((took = slice(m, k, n, a, b, c, times)) < 2e-3) {
		times *= 2;
	}
	double least = took, end = now(CLOCK_MONOTONIC) + limit;
	for (int i = 0; i < 3 || now(CLOCK_MONOTONIC) < end; i++) {
		took = slice(m, k, n, a, b, c, times);
		if (took < least) {
			least = took;
		}
	}
	free(a);
	free(b);
	free(c);
	return 2e-9 * m * k * n * times / least;
}

int main(int argc, char **argv) {
	if (argc < 4) {
		fprintf(stderr, "usage: gemm THREADS MS SHAPE...\n");
		return 2;
	}
	openblas_set_num_threads(atoi(argv[1]));
	if (atoi(argv[1]) == 1) {
		stopwatch = CLOCK_THREAD_CPUTIME_ID;
	}
	fprintf(stderr, "%s\n", openblas_get_corename());
	printf("{");
	for (int i = 3; i < argc; i++) {
		int m, k, n;
		if (sscanf(argv[i], "%dx%dx%d", &m, &k, &n) != 3) {
			fprintf(stderr, "gemm: shape %s, want MxKxN\n", argv[i]);
			return 2;
		}
		printf("%s\"%s\": %.2f", i > 3 ? ", " : "", argv[i], best(m, k, n, atof(argv[2]) / 1000));
	}
	printf("}\n");
	return 0;
}
