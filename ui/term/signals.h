/* signals.h - what the outside says to the program, and what a crash leaves behind.
 *
 * A handler sets a flag and writes a byte; the loop asks for them. */
#ifndef TERM_SIGNALS_H
#define TERM_SIGNALS_H

#include <signal.h>
#include <stdbool.h>

enum {
    SIGNALLED_RESIZE = 1,
    SIGNALLED_HANGUP = 2,
    SIGNALLED_TERM = 4,
    SIGNALLED_STOP = 8,
    SIGNALLED_CONT = 16,
    SIGNALLED_INT = 32
};
/* Installs the handlers; -1 when there is no pipe. mend is tried on an address that could not be read
 * (SIGBUS): true = it can be read now. */
int signals_open(bool (*mend)(const void *address));
void signals_close(void);
/* Readable when one has arrived. */
int signals_fd(void);
/* Those that arrived since the last call. */
unsigned signals_take(void);
/* While the loop is away for long and nothing has begun that could be saved: what asks the program to
 * end ends it, with the terminal as it was. */
void signals_deaf(bool on);
/* Threads that begin between the two get no signals but those that end the program, which must not wait until they
 * have begun: all others are for the screen's thread. */
void signals_shield(sigset_t *was);
void signals_unshield(const sigset_t *was);
/* Stops the process, all its threads, until SIGCONT. */
void signals_stop(void);
/* Puts the process into a session of its own, without a terminal, and its shell in front again. False, and nothing
 * done, where it leads the session: who started it waits for its end. */
bool signals_background(void);
/* What a crash writes to give the terminal back. */
void crash_arm(void);
/* After a crash, what was written to the redirected standard error goes to `real`; -1 = it is not
 * redirected. */
void crash_tell(int real);
void crash_disarm(void);

struct sigaction;
/* Installs a handler, as sigaction does, unless the signal is ignored: who started the program so
 * (nohup, a shell that puts it in the background) meant it. False when it stays ignored. An ignored
 * interrupt is the terminal's, which is for the job in front; one that a process sends is taken. */
bool signals_catch(int signal, const struct sigaction *action, struct sigaction *old);
#endif
