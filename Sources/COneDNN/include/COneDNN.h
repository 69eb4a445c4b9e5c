// One small, stable interface over oneDNN 2.x and 3.x: convolutions and matrix products on plain NHWC floats.
//
// Every function that can fail returns oneDNN's status, 0 for success; `onednn_status_text` names it.
#ifndef COneDNN_h
#define COneDNN_h

#include <stddef.h>
#include <stdint.h>

/// The CPU with one stream; used by one thread at a time.
typedef struct onednn_engine onednn_engine;

/// A computation for one geometry.
typedef struct onednn_primitive onednn_primitive;

typedef struct {
  int64_t images, rows, columns, inputs;
  int64_t output_rows, output_columns, outputs;
  int64_t groups;
  int64_t window_rows, window_columns;
  int64_t stride_rows, stride_columns;
  /// 1 for neighbouring positions.
  int64_t dilation_rows, dilation_columns;
  int64_t top, left, bottom, right;
  int32_t has_bias;
  /// A rectifier after the sum.
  int32_t rectified;
  /// The transpose: from the outputs back to the inputs.
  int32_t transposed;
  /// The gradient of the filters (and, with has_bias, of the bias): from inputs and outputs both.
  int32_t gradient;
} onednn_convolution;

typedef struct {
  int64_t batch, rows, inner, columns;
  /// Whether the left side is stored inner x rows.
  int32_t left_transposed;
  /// Whether the right side is stored columns x inner.
  int32_t right_transposed;
  /// Whether the right side is weights, reordered once to the layout that suits; else it is used as it is.
  int32_t packs_right;
  int32_t has_bias;
  int32_t rectified;
} onednn_product;

const char *onednn_status_text(int status);

/// Major * 10000 + minor * 100 + patch: of the headers compiled against, and of the library linked.
int onednn_compiled_version(void);
int onednn_linked_version(void);

/// How many threads the calling thread's primitives use from now on.
void onednn_use_threads(int count);

int onednn_engine_create(onednn_engine **made);
void onednn_engine_destroy(onednn_engine *engine);

int onednn_convolution_create(onednn_engine *engine, const onednn_convolution *geometry, onednn_primitive **made);
int onednn_product_create(onednn_engine *engine, const onednn_product *geometry, onednn_primitive **made);
void onednn_primitive_destroy(onednn_primitive *primitive);

/// Bytes of scratch memory that an execution needs.
size_t onednn_primitive_scratch(const onednn_primitive *primitive);
/// Bytes of the weights, or of their gradient, in the layout it wants.
size_t onednn_primitive_weights(const onednn_primitive *primitive);
/// Numbers that tell reorderings of weights apart, by the plain layout and the one wanted: how many there are, at
/// most 64.
int onednn_primitive_layout(const onednn_primitive *primitive, int64_t numbers[64]);

/// Reorders plain weights (outputs x rows x columns x inputs, or a product's right side) for the primitive.
int onednn_reorder(onednn_engine *engine, const onednn_primitive *primitive, const float *plain, float *packed);
/// The way back: from the primitive's layout to the plain one.
int onednn_restore(onednn_engine *engine, const onednn_primitive *primitive, const float *packed, float *plain);

int onednn_execute(
  onednn_engine *engine, const onednn_primitive *primitive, const float *source, const float *weights,
  const float *bias, float *target, void *scratch);
/// Runs a convolution's gradient primitive: writes `weights` in its own layout, and `bias` where it has one.
int onednn_execute_gradient(
  onednn_engine *engine, const onednn_primitive *primitive, const float *source, const float *signal,
  float *weights, float *bias, void *scratch);

#endif
