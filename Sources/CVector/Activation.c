#include "Clones.h"
#include <math.h>

INLINED float sigmoid(float x) { return 1.0f / (1.0f + vector_exp(-x)); }

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

#define EACH(expression)                                                                                     \
  for (ptrdiff_t i = 0; i < count; i++) {                                                                    \
    float x = input[i];                                                                                      \
    output[i] = (expression);                                                                                \
  }                                                                                                          \
  return

// Comparisons are written so that NaN comes out as NaN.
CLONED void vector_activation(const float *restrict input, float *restrict output, ptrdiff_t count,
                              VectorActivation kind, float first, float second) {
  switch (kind) {
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
    case VectorSwish: EACH(x * sigmoid(x));
    case VectorTanh: EACH(tangent(x));
    // The library's: these would cancel if written with an exponential alone.
    case VectorElu: EACH(x < 0 ? first * expm1f(x) : x);
    case VectorSoftplus: EACH((x < 0 ? 0.0f : x) + log1pf(expf(-fabsf(x))));
    case VectorGelu: EACH(0.5f * x * erfcf(x * -0.70710678f));
    case VectorExp: EACH(vector_exp(x));
    case VectorLog: EACH(logf(x));
    case VectorSqrt: EACH(__builtin_elementwise_sqrt(x));
    case VectorAbs: EACH(fabsf(x));
    case VectorNegate: EACH(-x);
    case VectorReciprocal: EACH(1.0f / x);
    case VectorErf: EACH(erff(x));
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
    case VectorGelu:
      EACH_BACK(g * (0.5f * erfcf(x * -0.70710678f) + x * 0.39894228f * vector_exp(-0.5f * x * x)));
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
