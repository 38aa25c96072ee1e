/* ui_fake.h - what the files of the session made of formulas share. */
#ifndef TESTS_UI_FAKE_H
#define TESTS_UI_FAKE_H

#include <vaccine/vaccine.h>

/* The attack that goes on, where the environment has one (FAKE_SIEGE). */
void fake_siege(struct vac_siege_now *out);
/* What its files tell. */
int fake_attack(const struct vac_follow_take *take, void *ctx);
#endif
