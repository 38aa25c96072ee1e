/* export.h - taking things out: panels as text, SVG and CSV, the screen, the clipboard. */
#ifndef UI_EXPORT_H
#define UI_EXPORT_H

#include "ui/frame.h"

/* what = "svg", "csv", "txt"; panel < 0 = the whole screen. file NULL = a name in ui_dir. Says
 * where it went. */
void export_panel(struct ui *ui, int panel, const char *what, const char *file);
/* The screen as it is, as text; 0 or -1. */
int export_screen(struct ui *ui, const char *file);
void export_copy(struct ui *ui);
#endif
