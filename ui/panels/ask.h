/* ask.h - asking the run that is open: how it stands, what it may be told, its folder and its clock. */
#ifndef PANELS_ASK_H
#define PANELS_ASK_H

#include "panels/state.h"
#include "term/keys.h"

/* It trains or waits, so leaving has to be asked about. */
bool session_is_live(const struct ui *ui);
/* Another program runs it: leaving leaves it as it is. */
bool session_is_attached(const struct ui *ui);
/* It is only looked at, and not driven by another program: it can be opened to go on. */
bool session_can_go_on(const struct ui *ui);
/* It is paused, or will be by a command that was given: a question that is answered meanwhile shows
 * another state. */
bool session_is_held(const struct ui *ui);
/* Whether the run is such that the action can do something: none is open, it is only looked at, or
 * it is over. */
bool action_works(const struct ui *ui, enum action a);

/* There are weights to be asked just now: live ones, or saved ones that were taken up. */
bool ui_answers(const struct ui *ui);
/* Sends a command as "ui"; the id, or 0 when it was refused (the reason is then in the message
 * line) or no run is open. key and text may be NULL. */
uint64_t ui_send(struct ui *ui, enum vac_op op, int64_t n, const char *key, const char *text);
/* Has HS and FA measured now. */
void ui_evaluate(struct ui *ui);
/* Says why nothing can be told to the run, or that none is open. */
void ui_warn_unsteered(struct ui *ui);
/* Number of an option by its name; -1 when the stage has none of that name. */
int ui_option(const struct ui *ui, const char *name);
/* The value that holds from the next step on. */
const char *ui_option_next(const struct vac_option *o);
enum { VALUE_SIZE = 128, RHO_SIZE = 72 };
/* The value that the last step had; whether another waits for the next one (ui_option_next). */
bool ui_option_waits(const struct ui *ui, int option, char now[VALUE_SIZE]);
/* Rho as every place shows it: "1.00", or "1 -> 1.1" while another waits. */
const char *ui_rho_text(const struct ui *ui, char out[RHO_SIZE]);
/* Sets a live option, and says so; a change by more than a factor of 100 is asked about first. False,
 * and said why, when the value cannot be. */
bool ui_set(struct ui *ui, int option, const char *value);
/* Reads all options again: after something has changed. */
void ui_take_options(struct ui *ui);
/* "HH:MM:SS" of an event; a fixed text when the screen is deterministic. */
const char *ui_clock(const struct ui *ui, double time, char out[16]);
#endif
