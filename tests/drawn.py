"""Where the texts of a figure are once it is drawn."""

from matplotlib.figure import Figure


def cut_off(page: Figure) -> list[str]:
    """The titles, labels and names that reach beyond the edge of the page by a pixel and more."""
    page.canvas.draw()
    edge = page.bbox
    texts = [*page.texts]
    for axis in page.axes:
        texts += [axis.title, axis.xaxis.label, axis.yaxis.label]
    for legend in page.legends:
        texts += legend.get_texts()
    found = []
    for text in texts:
        box = text.get_window_extent()
        inside = box.x0 > -1 and box.y0 > -1 and box.x1 < edge.x1 + 1 and box.y1 < edge.y1 + 1
        if text.get_text() and not inside:
            found.append(text.get_text())
    return found
