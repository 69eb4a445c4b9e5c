// What a Swift program that imports Switchback gets: every room that a stranger may enter.
@_exported public import Attribution
@_exported public import Communication
@_exported public import Datasets
@_exported public import Execution
@_exported public import Figures
@_exported public import Files
@_exported public import Images
@_exported public import Kernels
@_exported public import Networks
@_exported public import Peaks
@_exported public import Studies
@_exported public import Tensors
@_exported public import Training
