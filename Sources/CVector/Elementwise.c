#include "Clones.h"
#include <math.h>

#define COMBINE(expression)                                                                                  \
  for (ptrdiff_t r = 0; r < rows; r++) {                                                                     \
    const float *left = l.elements + r * l.row_step, *right = t.elements + r * t.row_step;                   \
    float *restrict to = output + r * count;                                                                 \
    if (l.step && t.step)                                                                                    \
      for (ptrdiff_t i = 0; i < count; i++) {                                                                \
        float a = left[i], b = right[i];                                                                     \
        to[i] = (expression);                                                                                \
      }                                                                                                      \
    else if (l.step)                                                                                         \
      for (ptrdiff_t i = 0; i < count; i++) {                                                                \
        float a = left[i], b = right[0];                                                                     \
        to[i] = (expression);                                                                                \
      }                                                                                                      \
    else                                                                                                     \
      for (ptrdiff_t i = 0; i < count; i++) {                                                                \
        float a = left[0], b = right[t.step * i];                                                            \
        to[i] = (expression);                                                                                \
      }                                                                                                      \
  }                                                                                                          \
  return

CLONED void vector_combining(VectorOperand l, VectorOperand t, float *restrict output, ptrdiff_t rows,
                             ptrdiff_t count, VectorArithmetic kind) {
  switch (kind) {
    case VectorAdd: COMBINE(a + b);
    case VectorSubtract: COMBINE(a - b);
    case VectorMultiply: COMBINE(a * b);
    case VectorDivide: COMBINE(a / b);
    // NaN on either side comes out: "a" is kept where it is NaN, "b" where the comparison fails for it.
    case VectorMinimum: COMBINE(a != a || a < b ? a : b);
    case VectorMaximum: COMBINE(a != a || a > b ? a : b);
    case VectorPower: COMBINE(powf(a, b));
    case VectorSelect: COMBINE(b != 0 ? a : 0);
    case VectorGreater: COMBINE(a > b);
    case VectorGreaterOrEqual: COMBINE(a >= b);
    case VectorEqual: COMBINE(a == b);
  }
}

CLONED void vector_summing(const float *restrict input, float *restrict output, ptrdiff_t rows,
                           ptrdiff_t count, ptrdiff_t row_step, ptrdiff_t step) {
  for (ptrdiff_t r = 0; r < rows; r++) {
    const float *from = input + r * count;
    float *to = output + r * row_step;
    if (step) {
      for (ptrdiff_t i = 0; i < count; i++) to[i] += from[i];
      continue;
    }
    Lanes sums = (Lanes)0.0f;
    ptrdiff_t i = 0;
    for (; i + LANES <= count; i += LANES) sums += LOAD(from + i);
    float sum = 0;
    for (int lane = 0; lane < LANES; lane++) sum += sums[lane];
    for (; i < count; i++) sum += from[i];
    to[0] += sum;
  }
}

CLONED void vector_scaling(const float *restrict input, const float *restrict scale,
                           const float *restrict shift, float *restrict output, ptrdiff_t rows,
                           ptrdiff_t channels, ptrdiff_t output_step, int rectified) {
  for (ptrdiff_t r = 0; r < rows; r++, input += channels, output += output_step)
    if (shift && rectified)
      for (ptrdiff_t c = 0; c < channels; c++) {
        float value = input[c] * scale[c] + shift[c];
        output[c] = value < 0 ? 0.0f : value;
      }
    else if (shift)
      for (ptrdiff_t c = 0; c < channels; c++) output[c] = input[c] * scale[c] + shift[c];
    else
      for (ptrdiff_t c = 0; c < channels; c++) {
        float value = input[c] * scale[c];
        output[c] = rectified && value < 0 ? 0.0f : value;
      }
}

CLONED void vector_multiplying(float *restrict elements, VectorOperand factors, ptrdiff_t rows,
                               ptrdiff_t count) {
  for (ptrdiff_t r = 0; r < rows; r++, elements += count) {
    const float *restrict by = factors.elements + r * factors.row_step;
    if (factors.step)
      for (ptrdiff_t i = 0; i < count; i++) elements[i] *= by[i];
    else
      for (ptrdiff_t i = 0; i < count; i++) elements[i] *= by[0];
  }
}

CLONED void vector_moments(const float *restrict input, double *restrict sums, double *restrict squares,
                           ptrdiff_t rows, ptrdiff_t channels) {
  for (ptrdiff_t r = 0; r < rows; r++, input += channels)
    for (ptrdiff_t c = 0; c < channels; c++) {
      sums[c] += input[c];
      squares[c] += (double)input[c] * input[c];
    }
}

CLONED void vector_adding(const float *restrict input, float *restrict output, ptrdiff_t count) {
  for (ptrdiff_t i = 0; i < count; i++) output[i] += input[i];
}

CLONED void vector_adding_multiple(float factor, const float *restrict input, ptrdiff_t input_step,
                                   float *restrict output, ptrdiff_t output_step, ptrdiff_t rows,
                                   ptrdiff_t count) {
  for (ptrdiff_t r = 0; r < rows; r++, input += input_step, output += output_step)
    for (ptrdiff_t i = 0; i < count; i++) output[i] += factor * input[i];
}

CLONED void vector_scaling_by(float factor, float *restrict elements, ptrdiff_t count) {
  for (ptrdiff_t i = 0; i < count; i++) elements[i] *= factor;
}

CLONED double vector_sum_of_squares(const float *restrict input, ptrdiff_t count) {
  double sums[LANES] = {0}, sum = 0;
  ptrdiff_t i = 0;
  for (; i + LANES <= count; i += LANES)
    for (int lane = 0; lane < LANES; lane++) sums[lane] += (double)input[i + lane] * input[i + lane];
  for (; i < count; i++) sum += (double)input[i] * input[i];
  for (int lane = 0; lane < LANES; lane++) sum += sums[lane];
  return sum;
}

CLONED void vector_momentum(float *restrict weights, float *restrict velocity,
                            const float *restrict gradient, ptrdiff_t count, float rate, float momentum,
                            float decay) {
  for (ptrdiff_t i = 0; i < count; i++) {
    float speed = momentum * velocity[i] + (gradient[i] + decay * weights[i]);
    velocity[i] = speed;
    weights[i] -= rate * speed;
  }
}

CLONED ptrdiff_t vector_nonzeros(const float *restrict input, ptrdiff_t count) {
  ptrdiff_t total = 0;
  for (ptrdiff_t i = 0; i < count; i++) total += input[i] != 0;
  return total;
}
