internal import CCairo

/// A white sheet that cairo draws on: pixels, or a page of a PDF whose text and lines stay text and lines.
///
/// Places and lengths are in units of the sheet, from its upper left corner.
@safe package struct Sheet: ~Copyable {
  /// Red, green and blue, 0...255, in sRGB.
  package typealias Shade = (red: UInt8, green: UInt8, blue: UInt8)

  /// The fonts that text is set in, the first that is there.
  package static let fonts = "DejaVu Sans, Helvetica, Arial, sans-serif"

  private let surface: OpaquePointer
  private let context: OpaquePointer
  private let file: Written?

  /// What cairo has written of a file; a class because cairo keeps its address.
  private final class Written {
    var bytes: [UInt8] = []
  }

  private init(_ surface: OpaquePointer, _ file: Written?) {
    unsafe self.surface = surface
    unsafe context = cairo_create(surface)
    self.file = file
  }

  /// A white sheet of pixels.
  ///
  /// - Parameters:
  ///   - rows: Its extents in pixels, 32,767 at most.
  ///   - columns: The same.
  ///   - scale: Pixels a unit.
  /// - Returns: The sheet.
  /// - Throws: ``ImageError/encoding(reason:)`` where there is no memory for so many, or they are too many.
  package static func pixels(rows: Int, columns: Int, scale: Double) throws(ImageError) -> Sheet {
    let limit = 32_767
    guard (1...limit).contains(rows), (1...limit).contains(columns) else {
      throw .encoding(reason: "\(rows) x \(columns) pixels are more than \(limit) a side, or none")
    }
    let surface: OpaquePointer = unsafe cairo_image_surface_create(
      CAIRO_FORMAT_RGB24, Int32(columns), Int32(rows))
    let sheet = unsafe Sheet(surface, nil)
    try sheet.check()
    unsafe cairo_scale(sheet.context, scale, scale)
    unsafe cairo_set_source_rgb(sheet.context, 1, 1, 1)
    unsafe cairo_paint(sheet.context)
    return sheet
  }

  /// A page of a PDF.
  ///
  /// - Parameters:
  ///   - height: Its extents in points, a 72nd of an inch.
  ///   - width: The same.
  ///   - scale: Points a unit.
  ///   - title: What viewers show as its title.
  /// - Returns: The sheet.
  /// - Throws: ``ImageError/encoding(reason:)`` where cairo cannot make it.
  package static func page(
    height: Double, width: Double, scale: Double, title: String
  ) throws(ImageError) -> Sheet {
    let file = Written()
    let surface: OpaquePointer = unsafe cairo_pdf_surface_create_for_stream(
      { file, bytes, count in
        guard let file = unsafe file, let bytes = unsafe bytes else { return CAIRO_STATUS_WRITE_ERROR }
        unsafe Unmanaged<Written>.fromOpaque(file).takeUnretainedValue().bytes.append(
          contentsOf: UnsafeBufferPointer(start: bytes, count: Int(count)))
        return CAIRO_STATUS_SUCCESS
      }, Unmanaged.passUnretained(file).toOpaque(), width, height)
    let sheet = unsafe Sheet(surface, file)
    // LaTeX takes up to 1.5 without a word.
    unsafe cairo_pdf_surface_restrict_to_version(surface, CAIRO_PDF_VERSION_1_4)
    unsafe cairo_pdf_surface_set_metadata(surface, CAIRO_PDF_METADATA_TITLE, title)
    // Without a date the same figure has the same bytes.
    unsafe cairo_pdf_surface_set_metadata(surface, CAIRO_PDF_METADATA_CREATE_DATE, "")
    try sheet.check()
    unsafe cairo_scale(sheet.context, scale, scale)
    return sheet
  }

  deinit {
    unsafe cairo_destroy(context)
    unsafe cairo_surface_destroy(surface)
  }

  private func check() throws(ImageError) {
    for status in unsafe [cairo_status(context), cairo_surface_status(surface)]
    where status != CAIRO_STATUS_SUCCESS {
      throw .encoding(reason: unsafe String(cString: cairo_status_to_string(status)))
    }
  }

  /// Moves what is drawn from now on.
  package func move(down: Double, across: Double) { unsafe cairo_translate(context, across, down) }

  private func use(_ shade: Shade) {
    unsafe cairo_set_source_rgb(
      context, Double(shade.red) / 255, Double(shade.green) / 255, Double(shade.blue) / 255)
  }

  /// Fills a rectangle.
  package func fill(top: Double, left: Double, rows: Double, columns: Double, _ shade: Shade) {
    use(shade)
    unsafe cairo_rectangle(context, left, top, columns, rows)
    unsafe cairo_fill(context)
  }

  /// Draws the edge of a rectangle.
  package func frame(
    top: Double, left: Double, rows: Double, columns: Double, _ shade: Shade, width: Double
  ) {
    unsafe cairo_rectangle(context, left, top, columns, rows)
    stroke(shade, width: width, dash: [])
  }

  /// Draws a line through points, dashes and gaps in turn of the given lengths, or whole.
  package func line(
    _ points: [(row: Double, column: Double)], _ shade: Shade, width: Double, dash: [Double]
  ) {
    for point in points { unsafe cairo_line_to(context, point.column, point.row) }
    stroke(shade, width: width, dash: dash)
  }

  private func stroke(_ shade: Shade, width: Double, dash: [Double]) {
    use(shade)
    unsafe cairo_set_line_width(context, width)
    unsafe cairo_set_line_join(context, CAIRO_LINE_JOIN_ROUND)
    unsafe cairo_set_dash(context, dash, Int32(dash.count), 0)
    unsafe cairo_stroke(context)
  }

  /// Writes one line of text.
  ///
  /// - Parameters:
  ///   - text: The line.
  ///   - baseline: The row on which its letters stand.
  ///   - column: Where its start is, or its middle or its end.
  ///   - share: The share of its width that lies left of the column: 0, 0.5 or 1.
  ///   - height: The font's size.
  ///   - isBold: Whether its strokes are heavy.
  ///   - shade: Its colour.
  package func text(
    _ text: String, baseline: Double, column: Double, share: Double, height: Double, bold isBold: Bool,
    _ shade: Shade
  ) {
    use(shade)
    let layout = unsafe Self.layout(text, height: height, bold: isBold, on: context)
    defer { unsafe g_object_unref(UnsafeMutableRawPointer(layout)) }
    let unit = Double(PANGO_SCALE)
    let shift = unsafe (Self.width(of: layout) * share, Double(pango_layout_get_baseline(layout)) / unit)
    unsafe cairo_move_to(context, column - shift.0, baseline - shift.1)
    unsafe pango_cairo_show_layout(context, layout)
    // The pen stays where the letters were, and the next line would begin there.
    unsafe cairo_new_path(context)
  }

  /// How wide a line of text is.
  package static func width(of text: String, height: Double, bold isBold: Bool) throws(ImageError) -> Double {
    let sheet = try pixels(rows: 1, columns: 1, scale: 1)
    let layout = unsafe layout(text, height: height, bold: isBold, on: sheet.context)
    defer { unsafe g_object_unref(UnsafeMutableRawPointer(layout)) }
    return unsafe width(of: layout)
  }

  private static func width(of layout: OpaquePointer) -> Double {
    var (width, height): (Int32, Int32) = (0, 0)
    unsafe pango_layout_get_size(layout, &width, &height)
    return Double(width) / Double(PANGO_SCALE)
  }

  /// The line set in type; who asks for it gives it back.
  private static func layout(
    _ text: String, height: Double, bold isBold: Bool, on context: OpaquePointer
  ) -> OpaquePointer {
    let layout: OpaquePointer = unsafe pango_cairo_create_layout(context)
    let options = unsafe cairo_font_options_create()
    defer { unsafe cairo_font_options_destroy(options) }
    // The same widths at every scale, on paper too.
    unsafe cairo_font_options_set_hint_metrics(options, CAIRO_HINT_METRICS_OFF)
    unsafe cairo_font_options_set_hint_style(options, CAIRO_HINT_STYLE_NONE)
    unsafe cairo_font_options_set_antialias(options, CAIRO_ANTIALIAS_GRAY)
    let setting = unsafe pango_layout_get_context(layout)
    unsafe pango_cairo_context_set_font_options(setting, options)
    unsafe pango_context_set_round_glyph_positions(setting, 0)
    let font = unsafe pango_font_description_from_string(fonts)
    defer { unsafe pango_font_description_free(font) }
    unsafe pango_font_description_set_weight(font, isBold ? PANGO_WEIGHT_BOLD : PANGO_WEIGHT_NORMAL)
    unsafe pango_font_description_set_absolute_size(font, height * Double(PANGO_SCALE))
    unsafe pango_layout_set_font_description(layout, font)
    unsafe pango_layout_set_single_paragraph_mode(layout, 1)
    unsafe pango_layout_set_text(layout, text, -1)
    return unsafe layout
  }

  /// Lays a picture into a rectangle.
  ///
  /// - Parameters:
  ///   - picture: The picture.
  ///   - top: The rectangle's edges and extents.
  ///   - left: The same.
  ///   - rows: The same.
  ///   - columns: The same.
  ///   - isSmooth: Whether a larger rectangle blends its pixels; else each stays a rectangle.
  ///   - jpegQuality: Of the JPEG that a PDF holds it as; nil for its very pixels.
  /// - Throws: ``ImageError/encoding(reason:)`` where there is no memory for it.
  package func picture(
    _ picture: Picture, top: Double, left: Double, rows: Double, columns: Double, smooth isSmooth: Bool,
    jpegQuality: Int?
  ) throws(ImageError) {
    let image: OpaquePointer = unsafe cairo_image_surface_create(
      CAIRO_FORMAT_RGB24, Int32(picture.columns), Int32(picture.rows))
    defer { unsafe cairo_surface_destroy(image) }
    guard let pixels = unsafe cairo_image_surface_get_data(image) else {
      throw .encoding(reason: "there is no memory for \(picture.rows) x \(picture.columns) pixels")
    }
    let stride = unsafe Int(cairo_image_surface_get_stride(image))
    for row in 0..<picture.rows {
      let line = unsafe UnsafeMutableRawPointer(pixels + row * stride).assumingMemoryBound(to: UInt32.self)
      for column in 0..<picture.columns {
        let place = (row * picture.columns + column) * 3
        let (red, green) = (UInt32(picture.pixels[place]), UInt32(picture.pixels[place + 1]))
        unsafe line[column] = red << 16 | green << 8 | UInt32(picture.pixels[place + 2])
      }
    }
    unsafe cairo_surface_mark_dirty(image)
    if let jpegQuality, file != nil {
      let jpeg = try picture.encodedJPEG(quality: jpegQuality)
      let copy = UnsafeMutablePointer<UInt8>.allocate(capacity: jpeg.count)
      unsafe copy.initialize(from: jpeg, count: jpeg.count)
      let status = unsafe cairo_surface_set_mime_data(
        image, CAIRO_MIME_TYPE_JPEG, copy, UInt(jpeg.count), { unsafe $0?.deallocate() }, copy)
      if status != CAIRO_STATUS_SUCCESS { unsafe copy.deallocate() }
    }
    unsafe cairo_save(context)
    unsafe cairo_translate(context, left, top)
    unsafe cairo_rectangle(context, 0, 0, columns, rows)
    unsafe cairo_scale(context, columns / Double(picture.columns), rows / Double(picture.rows))
    unsafe cairo_set_source_surface(context, image, 0, 0)
    let pattern = unsafe cairo_get_source(context)
    unsafe cairo_pattern_set_filter(pattern, isSmooth ? CAIRO_FILTER_GOOD : CAIRO_FILTER_NEAREST)
    // Among pixels the picture's edge must not blend with what is beside it; in a PDF that would undo the JPEG.
    if file == nil { unsafe cairo_pattern_set_extend(pattern, CAIRO_EXTEND_PAD) }
    unsafe cairo_fill(context)
    unsafe cairo_restore(context)
  }

  /// The sheet of pixels as a picture.
  package consuming func picture() throws(ImageError) -> Picture {
    unsafe cairo_surface_flush(surface)
    try check()
    let rows = unsafe Int(cairo_image_surface_get_height(surface))
    let columns = unsafe Int(cairo_image_surface_get_width(surface))
    let stride = unsafe Int(cairo_image_surface_get_stride(surface))
    guard let data = unsafe cairo_image_surface_get_data(surface) else {
      throw .encoding(reason: "the sheet has no pixels")
    }
    var pixels: [UInt8] = []
    pixels.reserveCapacity(rows * columns * 3)
    for row in 0..<rows {
      let line = unsafe UnsafeRawPointer(data + row * stride).assumingMemoryBound(to: UInt32.self)
      for column in 0..<columns {
        let pixel = unsafe line[column]
        pixels.append(UInt8(truncatingIfNeeded: pixel >> 16))
        pixels.append(UInt8(truncatingIfNeeded: pixel >> 8))
        pixels.append(UInt8(truncatingIfNeeded: pixel))
      }
    }
    return Picture(rows: rows, columns: columns, pixels: pixels)
  }

  /// The page as a PDF file.
  package consuming func pdf() throws(ImageError) -> [UInt8] {
    unsafe cairo_show_page(context)
    unsafe cairo_surface_finish(surface)
    for status in [unsafe cairo_surface_status(surface)] where status != CAIRO_STATUS_SUCCESS {
      throw .encoding(reason: unsafe String(cString: cairo_status_to_string(status)))
    }
    return file?.bytes ?? []
  }
}
