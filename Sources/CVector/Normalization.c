#include "Clones.h"
#include <math.h>

// s^-beta; beta 3/4, the published constant, as 1 / (sqrt(s) * sqrt(sqrt(s))), which vectorises.
INLINED float falling_power(float s, float beta, int three_quarters) {
  if (!three_quarters) return powf(s, -beta);
  float root = __builtin_elementwise_sqrt(s);
  return 1.0f / (root * __builtin_elementwise_sqrt(root));
}

// bias + alpha * (sum of `size` values of `padded` from each channel on), into `sums`.
INLINED void slide_sums(const float *restrict padded, float *restrict sums, ptrdiff_t channels,
                        ptrdiff_t size) {
  if (size == 5) {
    for (ptrdiff_t c = 0; c < channels; c++)
      sums[c] = padded[c] + padded[c + 1] + padded[c + 2] + padded[c + 3] + padded[c + 4];
    return;
  }
  for (ptrdiff_t c = 0; c < channels; c++) sums[c] = padded[c];
  for (ptrdiff_t k = 1; k < size; k++)
    for (ptrdiff_t c = 0; c < channels; c++) sums[c] += padded[c + k];
}

INLINED void normalize(const float *restrict input, float *restrict output, float *restrict scratch,
                       ptrdiff_t pixels, ptrdiff_t channels, VectorNormalization constants,
                       int three_quarters) {
  ptrdiff_t before = (constants.size - 1) / 2;
  float alpha = constants.alpha / (float)constants.size;
  memset(scratch, 0, (size_t)(channels + constants.size) * sizeof(float));
  for (ptrdiff_t p = 0; p < pixels; p++) {
    const float *x = input + p * channels;
    float *y = output + p * channels;
    float *squares = scratch + before;
    for (ptrdiff_t c = 0; c < channels; c++) squares[c] = x[c] * x[c];
    slide_sums(scratch, y, channels, constants.size);
    for (ptrdiff_t c = 0; c < channels; c++)
      y[c] = x[c] * falling_power(constants.bias + alpha * y[c], constants.beta, three_quarters);
  }
}

CLONED void vector_normalization(const float *input, float *output, float *scratch, ptrdiff_t pixels,
                                 ptrdiff_t channels, VectorNormalization constants) {
  if (constants.beta == 0.75f)
    normalize(input, output, scratch, pixels, channels, constants, 1);
  else
    normalize(input, output, scratch, pixels, channels, constants, 0);
}

// y_j = x_j s_j^-beta gives dx_i = g_i s_i^-beta - 2 alpha beta x_i * (sum over j that see i of g_j x_j
// s_j^(-beta - 1)); a window seen from inside is the window mirrored.
INLINED void normalize_backward(const float *restrict signal, const float *restrict input,
                                float *restrict output, float *restrict scratch, ptrdiff_t pixels,
                                ptrdiff_t channels, VectorNormalization constants, int three_quarters) {
  ptrdiff_t before = (constants.size - 1) / 2, after = constants.size - 1 - before;
  float alpha = constants.alpha / (float)constants.size;
  float *padded = scratch, *mirrored = scratch + channels + constants.size;
  memset(scratch, 0, (size_t)(2 * (channels + constants.size)) * sizeof(float));
  for (ptrdiff_t p = 0; p < pixels; p++) {
    const float *x = input + p * channels, *g = signal + p * channels;
    float *restrict dx = output + p * channels;
    float *restrict direct = padded + before;
    float *restrict spread = mirrored + after;
    for (ptrdiff_t c = 0; c < channels; c++) direct[c] = x[c] * x[c];
    slide_sums(padded, dx, channels, constants.size);
    for (ptrdiff_t c = 0; c < channels; c++) {
      float s = constants.bias + alpha * dx[c];
      float power = falling_power(s, constants.beta, three_quarters);
      direct[c] = g[c] * power;
      spread[c] = g[c] * x[c] * power / s;
    }
    slide_sums(mirrored, dx, channels, constants.size);
    float factor = 2.0f * alpha * constants.beta;
    for (ptrdiff_t c = 0; c < channels; c++) dx[c] = direct[c] - factor * x[c] * dx[c];
  }
}

CLONED void vector_normalization_backward(const float *signal, const float *input, float *output,
                                          float *scratch, ptrdiff_t pixels, ptrdiff_t channels,
                                          VectorNormalization constants) {
  if (constants.beta == 0.75f)
    normalize_backward(signal, input, output, scratch, pixels, channels, constants, 1);
  else
    normalize_backward(signal, input, output, scratch, pixels, channels, constants, 0);
}

CLONED void vector_softmax(const float *restrict input, float *restrict output, ptrdiff_t rows,
                           ptrdiff_t length, int logarithm) {
  for (ptrdiff_t row = 0; row < rows; row++, input += length, output += length) {
    float largest = input[0];
    for (ptrdiff_t i = 1; i < length; i++) largest = input[i] > largest ? input[i] : largest;
    for (ptrdiff_t i = 0; i < length; i++) output[i] = vector_exp(input[i] - largest);
    double sum = 0;
    for (ptrdiff_t i = 0; i < length; i++) sum += output[i];
    if (logarithm) {
      float less = (float)log(sum);
      for (ptrdiff_t i = 0; i < length; i++) output[i] = input[i] - largest - less;
    } else {
      float scale = (float)(1.0 / sum);
      for (ptrdiff_t i = 0; i < length; i++) output[i] *= scale;
    }
  }
}

CLONED void vector_softmax_backward(const float *restrict signal, const float *restrict output,
                                    float *restrict result, ptrdiff_t rows, ptrdiff_t length, int logarithm) {
  for (ptrdiff_t row = 0; row < rows; row++, signal += length, output += length, result += length) {
    double sum = 0;
    if (logarithm) {
      for (ptrdiff_t i = 0; i < length; i++) sum += signal[i];
      float total = (float)sum;
      for (ptrdiff_t i = 0; i < length; i++) result[i] = signal[i] - vector_exp(output[i]) * total;
    } else {
      for (ptrdiff_t i = 0; i < length; i++) sum += (double)signal[i] * output[i];
      float mean = (float)sum;
      for (ptrdiff_t i = 0; i < length; i++) result[i] = output[i] * (signal[i] - mean);
    }
  }
}

INLINED float sum_of_lanes(const float *lanes) {
  float sum = 0;
  for (int lane = 0; lane < LANES; lane++) sum += lanes[lane];
  return sum;
}

CLONED void vector_layer_normalization(const float *restrict input, const float *restrict scale,
                                       const float *restrict shift, float *restrict output, ptrdiff_t rows,
                                       ptrdiff_t channels, float epsilon) {
  ptrdiff_t whole = channels / LANES * LANES;
  for (ptrdiff_t r = 0; r < rows; r++, input += channels, output += channels) {
    float lanes[LANES];
    Lanes sums = (Lanes)0.0f, squares = (Lanes)0.0f;
    for (ptrdiff_t k = 0; k < whole; k += LANES) sums += LOAD(input + k);
    STORE(lanes, sums);
    float sum = sum_of_lanes(lanes);
    for (ptrdiff_t k = whole; k < channels; k++) sum += input[k];
    float mean = sum / channels;
    for (ptrdiff_t k = 0; k < whole; k += LANES) {
      Lanes centred = LOAD(input + k) - mean;
      STORE(output + k, centred);
      squares += centred * centred;
    }
    STORE(lanes, squares);
    float square = sum_of_lanes(lanes);
    for (ptrdiff_t k = whole; k < channels; k++) {
      output[k] = input[k] - mean;
      square += output[k] * output[k];
    }
    float factor = 1.0f / __builtin_elementwise_sqrt(square / channels + epsilon);
    for (ptrdiff_t k = 0; k < channels; k++) output[k] = output[k] * factor * scale[k] + shift[k];
  }
}
