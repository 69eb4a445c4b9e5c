#include "Clones.h"
#include <math.h>

// Its exponential is kept within the normal floats, so that one scaling, of whole numbers, does.
INLINED float sigmoid(float x) {
  float y = x < -87.0f ? 87.0f : -x;
  Exponential e = exponential(y < -87.0f ? -87.0f : y);
  uint32_t scaled = (uint32_t)bits_of_float(e.mantissa) + ((uint32_t)bits_of_float(e.shifted) << 23);
  // Scaled so, NaN may not stay NaN.
  float value = x != x ? x : 1.0f / (1.0f + float_of_bits((int32_t)scaled));
  return x < -87.0f ? 0.0f : value;
}

INLINED float swish(float x) { return x < -87.0f ? 0.0f : x * sigmoid(x); }

// Near zero, where the exponentials would cancel, an odd polynomial (a Chebyshev fit of (tanh(x) / x - 1) /
// x^2 over x^2 up to 0.4).
INLINED float tangent(float x) {
  float z = x * x;
  float p = 0.002269501684f;
  p = p * z - 0.008323187058f;
  p = p * z + 0.02176250291f;
  p = p * z - 0.05395846163f;
  p = p * z + 0.1333330015f;
  p = p * z - 0.3333333315f;
  float near = x + x * z * p;
  float far = 1.0f - 2.0f / (vector_exp(2.0f * (x < 0 ? -x : x)) + 1.0f);
  far = x < 0 ? -far : far;
  return z < 0.39f ? near : far;
}

// e^(-x^2 / 2) for a |x| of at most 16, relative error under 2e-7. What rounding the square lost comes back
// to first order: the square of its upper twelve bits is exact, and so is their distance from x.
INLINED float bell(float x) {
  float square = x * x;
  float upper = float_of_bits(bits_of_float(x) & ~0xFFF);
  float lost = (upper * upper - square) + (x - upper) * (x + upper);
  float value = vector_exp(-0.5f * square);
  return value - value * (0.5f * lost);
}

// |x|, but no more than 16, where the bell has long been zero.
INLINED float extent(float x) {
  float size = fabsf(x);
  return size > 16.0f ? 16.0f : size;
}

// erfc(-x / sqrt 2), relative error under 5e-7 where it is a normal float. For z = |x| / sqrt 2 it is
// e^(-z^2) p(u) / (z + 2), where p is a minimax fit of (z + 2) e^(z^2) erfc(z) in u = (z - 2) / (z + 2), over
// z up to 11.4 and exact at 0. The bell takes x itself: rounding z would cost the tail its relative accuracy.
INLINED float twice_normal(float x) {
  float size = extent(x);
  float z = size * 0.70710678f;
  float t = 1.0f / (z + 2.0f);
  float u = (z - 2.0f) * t;
  float p = -0.0004592062439f;
  p = p * u - 0.0007552171001f;
  p = p * u + 0.002974074908f;
  p = p * u + 0.006436891752f;
  p = p * u - 0.02148119169f;
  p = p * u - 0.0364349513f;
  p = p * u + 0.2794693074f;
  p = p * u - 0.6871609897f;
  p = p * u + 1.021582749f;
  float tail = bell(size) * (p * t);
  return x > 0 ? 2.0f - tail : tail;
}

// The compiler computes the bell once.
INLINED float gelu_slope(float x) { return 0.5f * twice_normal(x) + x * 0.39894228f * bell(extent(x)); }

// erf(x), relative error under 2e-7. Near zero an odd polynomial (a minimax fit of erf(x) / x - 1 in x^2 up
// to 0.64), elsewhere 1 - e^(-x p(x)) (one of -ln(erfc(x)) / x over x from 0.8 to 4, where erf rounds to 1).
INLINED float error_function(float x) {
  float z = x * x;
  float q = -0.0006535233407f;
  q = q * z + 0.00508513004f;
  q = q * z - 0.02682080651f;
  q = q * z + 0.1128311281f;
  q = q * z - 0.3761260139f;
  q = q * z + 0.1283791637f;
  float near = x + x * q;
  float size = fabsf(x);
  size = size > 4.0f ? 4.0f : size;
  float p = -0.0002162631067f;
  p = p * size + 0.003233516864f;
  p = p * size - 0.02294872091f;
  p = p * size + 0.1053521948f;
  p = p * size + 0.635650794f;
  p = p * size + 1.128533993f;
  float far = 1.0f - vector_exp(-size * p);
  far = x < 0 ? -far : far;
  return z < 0.64f ? near : far;
}

#define EACH(expression)                                                                                     \
  for (ptrdiff_t i = 0; i < count; i++) {                                                                    \
    float x = input[i];                                                                                      \
    output[i] = (expression);                                                                                \
  }                                                                                                          \
  return

// Comparisons are written so that NaN comes out as NaN.
INLINED void activate(const float *input, float *output, ptrdiff_t count, VectorActivation kind, float first,
                      float second) {
  switch (kind) {
    case VectorNone: EACH(x);
    case VectorRelu: EACH(x < 0 ? 0.0f : x);
    case VectorLeakyRelu: EACH(x < 0 ? first * x : x);
    case VectorClip: EACH((x < first ? first : x) > second ? second : (x < first ? first : x));
    case VectorSigmoid: EACH(sigmoid(x));
    case VectorHardSigmoid: {
      for (ptrdiff_t i = 0; i < count; i++) {
        float line = first * input[i] + second;
        line = line < 0 ? 0.0f : line;
        output[i] = line > 1 ? 1.0f : line;
      }
      return;
    }
    case VectorHardSwish: EACH(x <= -3 ? 0.0f : x >= 3 ? x : x * (x + 3.0f) * (1.0f / 6.0f));
    case VectorSwish: EACH(swish(x));
    case VectorTanh: EACH(tangent(x));
    // The library's: these would cancel if written with an exponential alone.
    case VectorElu: EACH(x < 0 ? first * expm1f(x) : x);
    case VectorSoftplus: EACH((x < 0 ? 0.0f : x) + log1pf(expf(-fabsf(x))));
    case VectorGelu: EACH(0.5f * x * twice_normal(x));
    case VectorExp: EACH(vector_exp(x));
    case VectorLog: EACH(logf(x));
    case VectorSqrt: EACH(__builtin_elementwise_sqrt(x));
    case VectorAbs: EACH(fabsf(x));
    case VectorNegate: EACH(-x);
    case VectorReciprocal: EACH(1.0f / x);
    case VectorErf: EACH(error_function(x));
    case VectorSin: EACH(sinf(x));
    case VectorCos: EACH(cosf(x));
    case VectorTan: EACH(tanf(x));
    case VectorAsin: EACH(asinf(x));
    case VectorAcos: EACH(acosf(x));
    case VectorAtan: EACH(atanf(x));
    case VectorSinh: EACH(sinhf(x));
    case VectorCosh: EACH(coshf(x));
    case VectorAsinh: EACH(asinhf(x));
    case VectorAcosh: EACH(acoshf(x));
    case VectorAtanh: EACH(atanhf(x));
    case VectorSign: EACH(x > 0 ? 1.0f : x < 0 ? -1.0f : x);
    case VectorFloor: EACH(floorf(x));
    case VectorCeil: EACH(ceilf(x));
    case VectorRound: EACH(rintf(x));
    case VectorThresholdedRelu: EACH(x <= first ? 0.0f : x);
    case VectorShrink: EACH(x < -second ? x + first : x > second ? x - first : x != x ? x : 0.0f);
  }
}

CLONED void vector_activation(const float *restrict input, float *restrict output, ptrdiff_t count,
                              VectorActivation kind, float first, float second) {
  activate(input, output, count, kind, first, second);
}

CLONED void vector_finishing(VectorFinish finish, float *output, ptrdiff_t positions, ptrdiff_t first_unit,
                             ptrdiff_t end_unit, ptrdiff_t step) {
  ptrdiff_t units = end_unit - first_unit;
  if (units == step) units *= positions, positions = 1;
  for (ptrdiff_t p = 0; p < positions; p++) {
    float *elements = output + p * step + first_unit;
    activate(elements, elements, units, finish.activation, finish.first, finish.second);
  }
}

#define EACH_BACK(expression)                                                                                \
  for (ptrdiff_t i = 0; i < count; i++) {                                                                    \
    float g = signal[i], x = input[i], y = output[i];                                                        \
    (void)x, (void)y;                                                                                        \
    result[i] = (expression);                                                                                \
  }                                                                                                          \
  return

// swish'(x) = s + x s (1 - s)
INLINED float swish_slope(float x) {
  float s = sigmoid(x);
  return s + x * s * sigmoid(-x);
}

CLONED void vector_activation_backward(const float *restrict signal, const float *restrict input,
                                       const float *restrict output, float *restrict result, ptrdiff_t count,
                                       VectorActivation kind, float first, float second) {
  switch (kind) {
    case VectorNone: EACH_BACK(g);
    case VectorRelu: EACH_BACK(x > 0 ? g : 0.0f);
    case VectorLeakyRelu: EACH_BACK(x > 0 ? g : first * g);
    case VectorClip: EACH_BACK(x > first ? (x < second ? g : 0.0f) : 0.0f);
    case VectorSigmoid: EACH_BACK(g * y * (1.0f - y));
    case VectorHardSigmoid: EACH_BACK(y > 0 ? (y < 1 ? first * g : 0.0f) : 0.0f);
    case VectorHardSwish: EACH_BACK(x <= -3 ? 0.0f : x >= 3 ? g : g * (2.0f * x + 3.0f) * (1.0f / 6.0f));
    case VectorSwish: EACH_BACK(g * swish_slope(x));
    case VectorTanh: EACH_BACK(g * (1.0f - y * y));
    case VectorElu: EACH_BACK(x > 0 ? g : g * first * vector_exp(x > 0 ? 0.0f : x));
    case VectorSoftplus: EACH_BACK(g * sigmoid(x));
    case VectorGelu: EACH_BACK(g * gelu_slope(x));
    case VectorExp: EACH_BACK(g * y);
    case VectorLog: EACH_BACK(g / x);
    case VectorSqrt: EACH_BACK(g * 0.5f / y);
    case VectorAbs: EACH_BACK(x > 0 ? g : x < 0 ? -g : 0.0f);
    case VectorNegate: EACH_BACK(-g);
    case VectorReciprocal: EACH_BACK(-g * y * y);
    case VectorErf: EACH_BACK(g * 1.12837917f * vector_exp(-x * x));
    case VectorSin: EACH_BACK(g * cosf(x));
    case VectorCos: EACH_BACK(-g * sinf(x));
    case VectorTan: EACH_BACK(g * (1.0f + y * y));
    case VectorAsin: EACH_BACK(g / sqrtf((1.0f - x) * (1.0f + x)));
    case VectorAcos: EACH_BACK(-g / sqrtf((1.0f - x) * (1.0f + x)));
    case VectorAtan: EACH_BACK(g / (1.0f + x * x));
    case VectorSinh: EACH_BACK(g * coshf(x));
    case VectorCosh: EACH_BACK(g * sinhf(x));
    case VectorAsinh: EACH_BACK(g / sqrtf(x * x + 1.0f));
    case VectorAcosh: EACH_BACK(g / sqrtf((x - 1.0f) * (x + 1.0f)));
    case VectorAtanh: EACH_BACK(g / ((1.0f - x) * (1.0f + x)));
    case VectorSign:
    case VectorFloor:
    case VectorCeil:
    case VectorRound: EACH_BACK(0.0f * g);
    case VectorThresholdedRelu: EACH_BACK(x > first ? g : 0.0f);
    case VectorShrink: EACH_BACK(x < -second || x > second ? g : 0.0f);
  }
}

CLONED void vector_parametric_relu(const float *restrict input, const float *restrict slope,
                                   float *restrict output, ptrdiff_t rows, ptrdiff_t channels) {
  for (ptrdiff_t r = 0; r < rows; r++)
    for (ptrdiff_t c = 0; c < channels; c++) {
      float x = input[r * channels + c];
      output[r * channels + c] = x < 0 ? slope[c] * x : x;
    }
}

CLONED void vector_parametric_relu_backward(const float *restrict signal, const float *restrict input,
                                            const float *restrict slope, float *restrict output,
                                            ptrdiff_t rows, ptrdiff_t channels) {
  for (ptrdiff_t r = 0; r < rows; r++)
    for (ptrdiff_t c = 0; c < channels; c++) {
      float g = signal[r * channels + c];
      output[r * channels + c] = input[r * channels + c] > 0 ? g : slope[c] * g;
    }
}

CLONED void vector_rectifying(const float *restrict signal, const float *restrict reference,
                              float *restrict output, ptrdiff_t count, int positive_signal) {
  if (!reference)
    for (ptrdiff_t i = 0; i < count; i++) output[i] = signal[i] < 0 ? 0.0f : signal[i];
  else if (positive_signal)
    for (ptrdiff_t i = 0; i < count; i++) {
      float positive = signal[i] < 0 ? 0.0f : signal[i];
      output[i] = reference[i] > 0 ? positive : 0.0f;
    }
  else
    for (ptrdiff_t i = 0; i < count; i++) output[i] = reference[i] > 0 ? signal[i] : 0.0f;
}
