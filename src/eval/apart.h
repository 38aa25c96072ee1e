/* apart.h - what lies under the greedy answer: how far p(refuse) tells requests that are to be refused from
 * those that are to be answered. A share flips as a whole where one token passes one half; these do not. */
#ifndef EVAL_APART_H
#define EVAL_APART_H

#include <vaccine/vaccine.h>

/* harm[m], kind[n]: p(refuse) of each request; n = 0: only out[VAC_BENEATH_p_refuse] is known. Means and their
 * difference have normal 95 % intervals. AUC = share of pairs in which the request to be refused has the greater
 * one, ties half, with DeLong's interval (1988):
 *     var = var_i(1/n sum_j psi(h_i, k_j)) / m + var_j(1/m sum_i psi(h_i, k_j)) / n,  psi = 1, 1/2 or 0
 * That says nothing where the two do not overlap (var = 0): there it is Wilson's, of as many successes (or
 * failures) as the smaller set has requests. Bounds are NaN for a set of one. */
void apart_measure(const double *harm, size_t m, const double *kind, size_t n,
                   struct vac_span out[VAC_BENEATH_COUNT]);
#endif
