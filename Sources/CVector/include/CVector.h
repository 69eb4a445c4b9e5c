// The hot loops of Kernels, in C because SwiftPM builds Swift for baseline x86-64 and Swift has no function
// multiversioning. Every function is pure, single-threaded and allocates nothing. Maps are images x rows x
// columns x channels floats; pointers of one call never overlap; extents are in elements.
#ifndef CVECTOR_H
#define CVECTOR_H

#include <stddef.h>
#include <stdint.h>

// A window along one axis. `places` is how many positions it takes over `length`; `after` is the padding there that
// an average may count, however far past it the last window reaches.
typedef struct VectorSlide {
  ptrdiff_t length, places, window, stride, dilation, before, after;
} VectorSlide;

typedef struct VectorSliding {
  ptrdiff_t images, channels;
  VectorSlide rows, columns;
} VectorSliding;

// Instructions.c: the widest instruction set that the loops are compiled for and this processor has.
const char *vector_instruction_set(void);

// Pooling.c
void vector_max_pooling(const float *input, float *values, VectorSliding sliding);
void vector_max_pooling_with_winners(const float *input, float *values, uint16_t *winners,
                                     VectorSliding sliding);
// Adds to `output`. A winner outside the map is dropped.
void vector_unpooling(const float *signal, const uint16_t *winners, float *output, VectorSliding sliding);
void vector_average_pooling(const float *input, float *values, VectorSliding sliding, int counts_padding);
// Adds to `output`.
void vector_average_pooling_transposed(const float *signal, float *output, VectorSliding sliding,
                                       int counts_padding);
// The largest value of each channel of each image and its first position; NaN wins and stays.
void vector_channel_peaks(const float *input, float *values, int32_t *positions, ptrdiff_t images,
                          ptrdiff_t count, ptrdiff_t channels);

// Normalization.c; `scratch` holds channels + size floats (twice that, backward).
typedef struct VectorNormalization {
  ptrdiff_t size;
  float alpha, beta, bias;
} VectorNormalization;
void vector_normalization(const float *input, float *output, float *scratch, ptrdiff_t pixels,
                          ptrdiff_t channels, VectorNormalization constants);
void vector_normalization_backward(const float *signal, const float *input, float *output, float *scratch,
                                   ptrdiff_t pixels, ptrdiff_t channels, VectorNormalization constants);
// Exponentials of rows less their maximum, over their sum; or the logarithm of that.
void vector_softmax(const float *input, float *output, ptrdiff_t rows, ptrdiff_t length, int logarithm);
void vector_softmax_backward(const float *signal, const float *output, float *result, ptrdiff_t rows,
                             ptrdiff_t length, int logarithm);
// Each row less its mean, over the root of its variance and `epsilon`, scaled and shifted.
void vector_layer_normalization(const float *input, const float *scale, const float *shift, float *output,
                                ptrdiff_t rows, ptrdiff_t channels, float epsilon);

// Activation.c
typedef enum VectorActivation : int32_t {
  VectorNone = -1,
  VectorRelu, VectorLeakyRelu, VectorClip, VectorSigmoid, VectorHardSigmoid, VectorHardSwish, VectorSwish,
  VectorTanh, VectorElu, VectorSoftplus, VectorGelu, VectorExp, VectorLog, VectorSqrt, VectorAbs,
  VectorNegate, VectorReciprocal, VectorErf, VectorSin, VectorCos, VectorTan, VectorAsin, VectorAcos, VectorAtan,
  VectorSinh, VectorCosh, VectorAsinh, VectorAcosh, VectorAtanh, VectorSign, VectorFloor, VectorCeil, VectorRound,
  VectorThresholdedRelu, VectorShrink
} VectorActivation;
void vector_activation(const float *input, float *output, ptrdiff_t count, VectorActivation kind, float first,
                       float second);
void vector_activation_backward(const float *signal, const float *input, const float *output, float *result,
                                ptrdiff_t count, VectorActivation kind, float first, float second);
void vector_parametric_relu(const float *input, const float *slope, float *output, ptrdiff_t rows,
                            ptrdiff_t channels);
void vector_parametric_relu_backward(const float *signal, const float *input, const float *slope,
                                     float *output, ptrdiff_t rows, ptrdiff_t channels);
// output = signal where signal > 0 (if asked) and reference > 0 (if not null), else 0.
void vector_rectifying(const float *signal, const float *reference, float *output, ptrdiff_t count,
                       int positive_signal);

// Elementwise.c; a step is 1, or 0 where one value serves the whole row.
typedef enum VectorArithmetic : int32_t {
  VectorAdd, VectorSubtract, VectorMultiply, VectorDivide, VectorMinimum, VectorMaximum, VectorPower,
  VectorSelect, VectorGreater, VectorGreaterOrEqual, VectorEqual
} VectorArithmetic;
typedef struct VectorOperand {
  const float *elements;
  ptrdiff_t row_step, step;
} VectorOperand;
void vector_combining(VectorOperand left, VectorOperand right, float *output, ptrdiff_t rows, ptrdiff_t count,
                      VectorArithmetic kind);
// Adds each element of rows x count to where it came from.
void vector_summing(const float *input, float *output, ptrdiff_t rows, ptrdiff_t count, ptrdiff_t row_step,
                    ptrdiff_t step);
// `shift` may be null; a step leads from one row of the output to the next.
void vector_scaling(const float *input, const float *scale, const float *shift, float *output, ptrdiff_t rows,
                    ptrdiff_t channels, ptrdiff_t output_step, int rectified);
// Multiplies rows of `count`, one after another, where they stand.
void vector_multiplying(float *elements, VectorOperand factors, ptrdiff_t rows, ptrdiff_t count);
// Adds each channel's elements, and their squares, to sums that start at zero.
void vector_moments(const float *input, double *sums, double *squares, ptrdiff_t rows, ptrdiff_t channels);
void vector_adding(const float *input, float *output, ptrdiff_t count);
// Adds a multiple of each row of `count` to a row of the output; steps lead from one row to the next.
void vector_adding_multiple(float factor, const float *input, ptrdiff_t input_step, float *output,
                            ptrdiff_t output_step, ptrdiff_t rows, ptrdiff_t count);
void vector_scaling_by(float factor, float *elements, ptrdiff_t count);
double vector_sum_of_squares(const float *input, ptrdiff_t count);
// velocity = momentum * velocity + gradient + decay * weights; weights -= rate * velocity.
void vector_momentum(float *weights, float *velocity, const float *gradient, ptrdiff_t count, float rate,
                     float momentum, float decay);
ptrdiff_t vector_nonzeros(const float *input, ptrdiff_t count);

// Layout.c: output[column * output_step + row] = input[row * input_step + column].
void vector_transposing(const float *input, ptrdiff_t input_step, float *output, ptrdiff_t output_step,
                        ptrdiff_t rows, ptrdiff_t columns);

// The squares of stride x stride positions from `before` on, `places` of them down and across, each one position whose
// channels are its rows, columns and channels; zeros past the map's edges.
void vector_space_to_depth(const float *input, float *output, VectorSliding sliding);

// SparseConvolution.c: adds to `output`. `channels` of `sliding` are those of `output`; filters are outputs x
// window rows x window columns x (channels / groups); `values` and `rows` hold `outputs` entries.
void vector_sparse_convolution_transposed(const float *signal, const float *filters, float *output,
                                          VectorSliding sliding, ptrdiff_t outputs, ptrdiff_t groups,
                                          float *values, const float **rows);

// Folding.c
// Adds to `output` the products of each window, places x window rows x window columns x channels.
void vector_folding(const float *products, float *output, VectorSliding sliding);

// What one call of a convolution computes: `first_tile` up to but not including `end_tile` of all images' tiles in one
// list, and `first_unit` up to but not including `end_unit`, multiples of 16 but for the last unit. An output's bytes
// depend neither on the share that computes it nor on the images beside it.
typedef struct VectorShare {
  ptrdiff_t first_tile, end_tile, first_unit, end_unit;
} VectorShare;

// What becomes of a convolution's sums: added to what stands in the output, if asked, and given to a function.
typedef struct VectorFinish {
  int accumulates;
  VectorActivation activation;
  float first, second;
} VectorFinish;

// Direct.c: a convolution whose windows' products are all computed. `channels` and `units` are those of all groups; a
// step is how many floats lead from one position to the next: as many, or more where the map is a slice of a wider one.
typedef struct VectorDirect {
  ptrdiff_t images, channels, input_step, units, output_step, groups;
  VectorSlide rows, columns;
} VectorDirect;

// How many tiles all images have.
ptrdiff_t vector_direct_tiles(VectorDirect geometry);
// Floats of packed filters of so many elements a unit.
ptrdiff_t vector_direct_filters(ptrdiff_t units, ptrdiff_t elements, ptrdiff_t groups);
// Floats of scratch memory that a share needs.
ptrdiff_t vector_direct_scratch(VectorDirect geometry);
// Packs filters of units x window rows x window columns x channels of a group.
void vector_direct_filter(const float *filters, float *packed, ptrdiff_t units, ptrdiff_t elements,
                          ptrdiff_t groups);
// Convolves, adds `bias` (one a unit) unless it is null, and finishes. A share of several groups has all units.
void vector_direct(const float *input, const float *filters, const float *bias, float *output,
                   VectorDirect geometry, VectorShare share, VectorFinish finish, float *scratch);

// Depthwise.c: a convolution with one filter a channel; filters are window rows x window columns x channels. Computes
// `first_row` up to but not including `end_row` of all images' rows of outputs in one list; each starts from its bias, or
// from 0 where that is null. It does not accumulate.
void vector_depthwise(const float *input, const float *filters, const float *bias, float *output,
                      VectorSliding sliding, ptrdiff_t first_row, ptrdiff_t end_row, VectorFinish finish);

// Winograd.c: a convolution of stride 1 and dilation 1, in one group, its window 3x3, 4x4 or 5x5. Outputs are
// computed in square tiles of `side` positions an edge: 2, 4 or 5 of a 3x3 window, 3 or 4 of a 4x4 one, 2 or 3 of a 5x5
// one. The error of a 3x3 window's tiles of 2 is below a direct convolution's; those where side and window are 7 together
// have up to three times as much, those where they are 8 ten times. `before` is the padding; what windows cover past
// the map's end is zero too, however far. A step is how many floats lead from one position to the next: `channels` or
// `units`, or more where the map is a slice of a wider one.
typedef struct VectorWinograd {
  ptrdiff_t images, rows, columns, channels, input_step;
  ptrdiff_t output_rows, output_columns, units, output_step;
  ptrdiff_t rows_before, columns_before, side, window;
} VectorWinograd;

// How many tiles all images have.
ptrdiff_t vector_winograd_tiles(VectorWinograd geometry);
// Floats of transformed filters.
ptrdiff_t vector_winograd_filters(ptrdiff_t units, ptrdiff_t channels, ptrdiff_t side, ptrdiff_t window);
// Floats of scratch memory that a share needs.
ptrdiff_t vector_winograd_scratch(VectorWinograd geometry, VectorShare share);

// Transforms filters of units x window x window x channels; `transformed` begins on a 64-byte boundary. If `turned`, what
// comes out belongs to the transposed convolution: its channels are the filters' units, its units their channels,
// its padding the window less 1 less theirs.
void vector_winograd_filter(const float *filters, float *transformed, ptrdiff_t units, ptrdiff_t channels,
                            ptrdiff_t side, ptrdiff_t window, int turned);

// Convolves, adds `bias` (one a unit) unless it is null, and finishes. `filters` are transformed for this geometry's
// side.
void vector_winograd(const float *input, const float *filters, const float *bias, float *output,
                     VectorWinograd geometry, VectorShare share, VectorFinish finish, float *scratch);

// FilterGradient.c: adds the gradient of a convolution's filters in one group to `sums`, which begin as zeros; `signal`
// arrives at the output. At the end the sums become filters of units x window x window x channels. Scratch memory is
// floats.

// By filtering. Sums are as many as transformed filters.
ptrdiff_t vector_winograd_gradient_scratch(VectorWinograd geometry);
void vector_winograd_gradient(const float *input, const float *signal, float *sums, VectorWinograd geometry,
                              float *scratch);
// Filters over squares of stride x stride positions become those of the map, `whole_window` an edge.
void vector_winograd_gradient_filter(const float *sums, float *filters, ptrdiff_t units, ptrdiff_t channels,
                                     ptrdiff_t side, ptrdiff_t window, ptrdiff_t stride, ptrdiff_t whole_window);

// Directly.
ptrdiff_t vector_direct_gradient_sums(VectorSliding sliding, ptrdiff_t units);
ptrdiff_t vector_direct_gradient_scratch(VectorSliding sliding, ptrdiff_t units);
void vector_direct_gradient(const float *input, const float *signal, float *sums, VectorSliding sliding,
                            ptrdiff_t units, float *scratch);
void vector_direct_gradient_filter(const float *sums, float *filters, VectorSliding sliding, ptrdiff_t units);

#endif
