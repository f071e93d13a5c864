"""Exercises of chapter 03: distillation."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from course_utils._arguments import FloatArray, IntArray
from course_utils.exercises import Exercise, Mistake
from course_utils.exercises.probabilities import KEPT_FROM_ZERO, NO_MAXIMUM, naive_softmax
from course_utils.softmax import cross_entropy, entropy, log_softmax, softmax

__all__ = ["EXERCISES"]

Case = tuple[Any, ...]


def _soft_loss(teacher_logits: FloatArray, student_logits: FloatArray, temperature: float) -> Any:
    p = softmax(teacher_logits, temperature=temperature)
    return -(temperature**2) * (p * log_softmax(student_logits, temperature=temperature)).sum(axis=-1)


def _student_not_softened(teacher_logits: FloatArray, student_logits: FloatArray, temperature: float) -> Any:
    p = softmax(teacher_logits, temperature=temperature)
    return -(temperature**2) * (p * log_softmax(student_logits)).sum(axis=-1)


def _roles_swapped(teacher_logits: FloatArray, student_logits: FloatArray, temperature: float) -> Any:
    return _soft_loss(student_logits, teacher_logits, temperature)


def _divergence(teacher_logits: FloatArray, student_logits: FloatArray, temperature: float) -> Any:
    own = temperature**2 * entropy(softmax(teacher_logits, temperature=temperature))
    return _soft_loss(teacher_logits, student_logits, temperature) - own


def _log_of(own_softmax: Callable[..., Any], keep: Callable[..., Any] = np.asarray) -> Callable[..., Any]:
    """The logarithm of softmax in two steps, the probability kept from 0 between them or not."""
    return lambda logits, temperature=1.0: np.log(keep(own_softmax(logits, temperature=temperature)))


def _soft_by(log: Callable[..., Any], teacher: Callable[..., Any] = softmax) -> Callable[..., Any]:
    """The soft loss by a logarithm of softmax of one's own, and by a softmax of one's own for the teacher."""

    def answer(teacher_logits: FloatArray, student_logits: FloatArray, temperature: float) -> Any:
        p = teacher(teacher_logits, temperature=temperature)
        return -(temperature**2) * (p * log(student_logits, temperature=temperature)).sum(axis=-1)

    return answer


def _hard_by(log: Callable[..., Any]) -> Callable[..., Any]:
    """Cross-entropy with the labels by a logarithm of softmax of one's own."""
    return lambda labels, logits: -log(logits)[np.arange(len(labels)), labels]


def _teacher_not_softened(teacher_logits: FloatArray, student_logits: FloatArray, temperature: float) -> Any:
    log_q = log_softmax(student_logits, temperature=temperature)
    return -(temperature**2) * (softmax(teacher_logits) * log_q).sum(axis=-1)


def _pair_cases(rng: np.random.Generator) -> Iterator[Case]:
    yield (np.array([[2.0, 0.0]]), np.array([[1.0, 0.0]]), 2.0)
    yield (np.array([[2.0, 0.0, 1.0], [0.0, 0.0, 3.0]]), np.array([[0.0, 1.0, 0.0], [4.0, 0.0, 0.0]]), 1.0)
    yield (np.array([[2.0, 0.0, 1.0]]), np.array([[5000.0, 0.0, -5000.0]]), 4.0)
    for temperature in (0.5, 3.0, 20.0):
        yield (rng.normal(0, 5, (4, 3)), rng.normal(0, 5, (4, 3)), temperature)
    yield (np.array([[5000.0, 0.0, -5000.0]]), np.array([[2.0, 0.0, 1.0]]), 4.0)


def _gradient(teacher_logits: FloatArray, student_logits: FloatArray, temperature: float) -> Any:
    q = softmax(student_logits, temperature=temperature)
    return (q - softmax(teacher_logits, temperature=temperature)) / temperature


def _without_temperature(teacher_logits: FloatArray, student_logits: FloatArray, temperature: float) -> Any:
    return (softmax(student_logits) - softmax(teacher_logits)) / temperature


def _student_softened_only(teacher_logits: FloatArray, student_logits: FloatArray, temperature: float) -> Any:
    return (softmax(student_logits, temperature=temperature) - softmax(teacher_logits)) / temperature


def _teacher_softened_only(teacher_logits: FloatArray, student_logits: FloatArray, temperature: float) -> Any:
    return (softmax(student_logits) - softmax(teacher_logits, temperature=temperature)) / temperature


def _combined(
    teacher_logits: FloatArray,
    student_logits: FloatArray,
    labels: IntArray,
    temperature: float,
    alpha: float,
    beta: float,
) -> Any:
    soft = _soft_loss(teacher_logits, student_logits, temperature)
    return (alpha * soft + beta * cross_entropy(labels, student_logits)) / (alpha + beta)


def _hard_term_softened(
    teacher_logits: FloatArray,
    student_logits: FloatArray,
    labels: IntArray,
    temperature: float,
    alpha: float,
    beta: float,
) -> Any:
    soft = _soft_loss(teacher_logits, student_logits, temperature)
    return (alpha * soft + beta * cross_entropy(labels, student_logits / temperature)) / (alpha + beta)


def _with_terms(
    soft_term: Callable[..., Any] = _soft_loss, hard_term: Callable[..., Any] = cross_entropy
) -> Callable[..., Any]:
    """The combined loss with other terms in the places of T² H(p, q) and the labels' cross-entropy."""

    def answer(
        teacher_logits: FloatArray,
        student_logits: FloatArray,
        labels: IntArray,
        temperature: float,
        alpha: float,
        beta: float,
    ) -> Any:
        soft = soft_term(teacher_logits, student_logits, temperature)
        return (alpha * soft + beta * hard_term(labels, student_logits)) / (alpha + beta)

    return answer


def _scaled_both(
    teacher_logits: FloatArray,
    student_logits: FloatArray,
    labels: IntArray,
    temperature: float,
    alpha: float,
    beta: float,
) -> Any:
    return _combined(teacher_logits, student_logits, labels, temperature, alpha, temperature**2 * beta) * (
        (alpha + temperature**2 * beta) / (alpha + beta)
    )


def _combined_cases(rng: np.random.Generator) -> Iterator[Case]:
    yield (np.array([[2.0, 0.0]]), np.array([[1.0, 0.0]]), np.array([1]), 2.0, 0.9, 0.3)
    for temperature, alpha, beta in ((1.0, 1.0, 3.0), (4.0, 0.9, 0.1), (10.0, 0.2, 0.6)):
        labels = rng.integers(0, 3, 4)
        yield (rng.normal(0, 5, (4, 3)), rng.normal(0, 5, (4, 3)), labels, temperature, alpha, beta)
    small, large = [2.0, 0.0, 1.0], [5000.0, 0.0, -5000.0]
    yield (np.array([small, large]), np.array([large, small]), np.array([2, 0]), 4.0, 0.9, 0.1)


def _resoften(probabilities: FloatArray, temperature: float) -> Any:
    powers = probabilities ** (1 / temperature)
    return powers / powers.sum(axis=-1, keepdims=True)


def _scaled_and_normalised(probabilities: FloatArray, temperature: float) -> Any:
    scaled = probabilities / temperature
    return scaled / scaled.sum(axis=-1, keepdims=True)


def _sum_over_all(probabilities: FloatArray, temperature: float) -> Any:
    powers = probabilities ** (1 / temperature)
    return powers / powers.sum()


def _sharpened(probabilities: FloatArray, temperature: float) -> Any:
    return _resoften(probabilities, 1 / temperature)


def _probability_cases(rng: np.random.Generator) -> Iterator[Case]:
    yield (np.array([[0.8, 0.2]]), 2.0)
    yield (np.array([[0.99, 0.01, 0.0]]), 100.0)  # even 1e-300 in the place of 0 would show
    for temperature in (0.5, 1.0, 4.0):
        yield (rng.dirichlet(np.ones(4), 3), temperature)


def _weights(alpha: float, beta: float, temperature: float) -> Any:
    pair = np.array([alpha / temperature**2, beta])
    return pair / pair.sum()


def _weights_as_given(alpha: float, beta: float, temperature: float) -> Any:
    return np.array([alpha, beta]) / (alpha + beta)


def _weights_by_t(alpha: float, beta: float, temperature: float) -> Any:
    pair = np.array([alpha / temperature, beta])
    return pair / pair.sum()


def _weights_inverted(alpha: float, beta: float, temperature: float) -> Any:
    return _weights(alpha, beta, 1 / temperature)


def _weight_cases(rng: np.random.Generator) -> Iterator[Case]:
    yield (0.9, 0.1, 3.0)
    yield (0.5, 0.5, 1.0)
    for temperature in (4.0, 16.0):
        yield (*rng.uniform(0.1, 2, 2), temperature)


def _raised_bias(logits: FloatArray, labels: IntArray, class_id: int, biases: FloatArray) -> Any:
    raised = logits + np.multiply.outer(biases, np.arange(logits.shape[-1]) == class_id)[:, np.newaxis]
    return (raised.argmax(axis=-1) == labels).mean(axis=-1)


def _bias_in_place_of(logits: FloatArray, labels: IntArray, class_id: int, biases: FloatArray) -> Any:
    column = np.arange(logits.shape[-1]) == class_id
    return np.array([np.mean(np.where(column, bias, logits).argmax(axis=1) == labels) for bias in biases])


def _bias_adds_up(logits: FloatArray, labels: IntArray, class_id: int, biases: FloatArray) -> Any:
    return _raised_bias(logits, labels, class_id, np.cumsum(biases))


def _bias_for_all(logits: FloatArray, labels: IntArray, class_id: int, biases: FloatArray) -> Any:
    return np.full(len(biases), (logits.argmax(axis=-1) == labels).mean())


def _bias_on_probabilities(logits: FloatArray, labels: IntArray, class_id: int, biases: FloatArray) -> Any:
    return _raised_bias(softmax(logits), labels, class_id, biases)


def _accuracy_of_the_class(logits: FloatArray, labels: IntArray, class_id: int, biases: FloatArray) -> Any:
    return _raised_bias(logits[labels == class_id], labels[labels == class_id], class_id, biases)


def _bias_cases(rng: np.random.Generator) -> Iterator[Case]:
    yield (np.array([[2.0, 0.0], [5.0, 2.0], [3.0, 0.0]]), np.array([0, 1, 1]), 1, np.array([0.0, 1.5, 2.5, 3.5]))
    for n, k, class_id in ((10, 3, 0), (30, 4, 3)):
        yield (rng.normal(0, 3, (n, k)), rng.integers(0, k, n), class_id, np.array([0.0, 0.5, 2.0, 4.0]))


_CAPPED = (
    "Often: the probability was kept away from 0 before the logarithm, which caps the loss. The "
    "logarithm of softmax in one piece needs no cap."
)
_SEE_TO_IT = f"{NO_MAXIMUM} softmax and log_softmax see to it."
_NAIVE_SOFT_TERMS = (
    _soft_by(_log_of(naive_softmax), naive_softmax),
    _soft_by(_log_of(naive_softmax)),
    _soft_by(_log_of(softmax), naive_softmax),
    _soft_by(log_softmax, naive_softmax),
)
_NO_SQUARE = "Often: the factor T² is missing. Without it the term's gradient falls as 1/T²."

EXERCISES: dict[str, Exercise] = {
    "distillation.soft_loss": Exercise(
        reference=_soft_loss,
        cases=_pair_cases,
        hint="Both sides are softened with the same T. Take the logarithm of the student's softmax "
        "without forming the softmax: course_utils.softmax has log_softmax.",
        mistakes=(
            Mistake(lambda v, z, t: _soft_loss(v, z, t) / t**2, _NO_SQUARE),
            Mistake(lambda v, z, t: _soft_loss(v, z, t) / t, "Often: the factor is T and should be T²."),
            Mistake(_student_not_softened, "Often: the student's logits were not divided by T. Both sides are."),
            Mistake(_teacher_not_softened, "Often: the teacher's logits were not divided by T. Both sides are."),
            Mistake(
                lambda v, z, t: t**2 * _soft_loss(v, z, 1.0),
                "Often: T is in the factor only. The logits of both sides are divided by it too.",
            ),
            Mistake(
                lambda v, z, t: -_soft_loss(v, z, t),
                "Often: the minus sign. Logarithms of probabilities are negative, a loss is not.",
            ),
            Mistake(
                lambda v, z, t: _soft_loss(v, z, 1.0),
                "Often: the temperature is missing. It divides the logits of both sides, and T² multiplies the "
                "sum.",
            ),
            *(Mistake(_soft_by(_log_of(softmax, keep)), _CAPPED) for keep in KEPT_FROM_ZERO),
            *(Mistake(soft_term, _SEE_TO_IT) for soft_term in _NAIVE_SOFT_TERMS),
            Mistake(
                _roles_swapped,
                "Often: the roles are swapped. The teacher's probabilities weight the student's logarithms.",
            ),
            Mistake(
                _divergence,
                "Often: the divergence, which is smaller by T² times the teacher's entropy. Its gradient is the "
                "same, its value is not; here the cross-entropy is wanted.",
            ),
            Mistake(
                _soft_by(_log_of(softmax)),
                "Often: the logarithm of a probability that has rounded to 0. Use the "
                "logarithm of softmax in one piece: z − max − ln Σ exp(z − max).",
            ),
            Mistake(
                lambda *given: _soft_loss(*given).mean(),
                "Often: the mean over the images was taken. One value an image is wanted.",
            ),
            Mistake(
                lambda *given: _soft_loss(*given).sum(),
                "Often: the sum over the images was taken. One value an image is wanted.",
            ),
            Mistake(
                lambda v, z, t: _soft_loss(v, z, t) / v.shape[-1],
                "Often: the mean over the classes. The cross-entropy is their sum.",
            ),
        ),
    ),
    "distillation.gradient": Exercise(
        reference=_gradient,
        cases=_pair_cases,
        hint="The gradient of the cross-entropy with respect to what goes into its softmax is q − p. What "
        "goes in is z/T: which factor does the chain rule add?",
        mistakes=(
            Mistake(
                lambda v, z, t: -_gradient(v, z, t),
                "Often: p − q, which is the direction of descent; the gradient is q − p.",
            ),
            Mistake(
                lambda v, z, t: t * _gradient(v, z, t),
                "Often: the chain rule's factor 1/T is missing.",
            ),
            Mistake(
                lambda v, z, t: _gradient(v, z, t) / t,
                "Often: divided by T twice. One 1/T is explicit, the other hides in how "
                "close q and p come to each other.",
            ),
            Mistake(
                lambda v, z, t: t**2 * _gradient(v, z, t),
                "Often: the factor T² is in it. Here the term stands without.",
            ),
            Mistake(_without_temperature, "Often: the probabilities were taken at T = 1. Both are softened."),
            Mistake(_student_softened_only, "Often: only the student was softened. Both are."),
            Mistake(_teacher_softened_only, "Often: only the teacher was softened. Both are."),
            Mistake(
                lambda v, z, t: softmax(z) - softmax(v),
                "Often: the temperature is missing. Both sides are softened, and the chain rule adds 1/T.",
            ),
            Mistake(
                lambda v, z, t: _gradient(v, z, t) / len(v),
                "Often: the gradient of the mean over the images. Each image has its own here.",
            ),
            *(
                Mistake(
                    lambda v, z, t, p=p, q=q: (q(z, temperature=t) - p(v, temperature=t)) / t,
                    _SEE_TO_IT,
                )
                for p, q in ((naive_softmax, naive_softmax), (naive_softmax, softmax), (softmax, naive_softmax))
            ),
        ),
    ),
    "distillation.combined": Exercise(
        reference=_combined,
        cases=_combined_cases,
        hint="Three things: T² on the soft term, no temperature at all in the hard term, and a division by "
        "the sum of the weights.",
        mistakes=(
            Mistake(
                lambda v, z, y, t, a, b: (a + b) * _combined(v, z, y, t, a, b),
                "Often: the division by alpha + beta is missing.",
            ),
            Mistake(
                _hard_term_softened,
                "Often: the hard term was softened too. Labels are compared at T = 1, at "
                "which the student will be used.",
            ),
            Mistake(
                lambda v, z, y, t, a, b: _combined(v, z, y, t, b, a),
                "Often: alpha and beta are swapped. Alpha weights the teacher.",
            ),
            Mistake(
                lambda v, z, y, t, a, b: _combined(v, z, y, t, a / t**2, b) * (a / t**2 + b) / (a + b),
                _NO_SQUARE,
            ),
            Mistake(
                lambda v, z, y, t, a, b: _combined(v, z, y, t, a / t**2, b) * (a / t**2 + b),
                "Often: two things are missing, the factor T² and the division by alpha + beta.",
            ),
            Mistake(
                _with_terms(lambda v, z, t: _soft_loss(v, z, t) / t),
                "Often: the factor is T and should be T².",
            ),
            Mistake(
                _with_terms(_divergence),
                "Often: the divergence, smaller by T² times the teacher's entropy. The cross-entropy is wanted.",
            ),
            Mistake(
                lambda v, z, y, t, a, b: a * _soft_loss(v, z, t) + b * cross_entropy(y, z) / (a + b),
                "Often: brackets. The division by alpha + beta is of the whole sum, not of its last term.",
            ),
            Mistake(_with_terms(_roles_swapped), "Often: teacher and student are swapped in the soft term."),
            Mistake(
                _with_terms(lambda v, z, t: t**2 * _soft_loss(v, z, 1.0)),
                "Often: T is in the factor only. In the soft term both sides' logits are divided by it too.",
            ),
            Mistake(
                lambda v, z, y, t, a, b: _combined(z, v, y, t, a, b),
                "Often: teacher and student are swapped in both terms. The label's term is the student's.",
            ),
            Mistake(
                lambda v, z, y, t, a, b: (a * _soft_loss(v, z, t) + b * cross_entropy(y, v)) / (a + b),
                "Often: the label was compared with the teacher. The student is to learn it.",
            ),
            *(
                Mistake(_with_terms(soft_term), f"{NO_MAXIMUM} Use log_softmax and cross_entropy.")
                for soft_term in _NAIVE_SOFT_TERMS
            ),
            Mistake(  # infinite in one term or in both, the sum is infinite
                _with_terms(_soft_by(_log_of(softmax))),
                "Often: the logarithm of a probability that has rounded to 0. Use log_softmax and cross_entropy.",
            ),
            *(
                Mistake(_with_terms(soft_term, hard_term), _CAPPED)
                for log in (_log_of(softmax, keep) for keep in KEPT_FROM_ZERO)
                for soft_term, hard_term in (
                    (_soft_by(log), _hard_by(log)),
                    (_soft_by(log), cross_entropy),
                    (_soft_loss, _hard_by(log)),
                )
            ),
            Mistake(_scaled_both, "Often: T² on both terms. It belongs to the soft one alone."),
            Mistake(
                lambda v, z, y, t, a, b: _combined(v, z, y, t, a, 1 - a),
                "Often: 1 − alpha in the place of beta. The two need not sum to 1; the division sees to that.",
            ),
            Mistake(
                lambda *given: _combined(*given).mean(),
                "Often: the mean over the images was taken. One value an image is wanted.",
            ),
            Mistake(
                lambda *given: _combined(*given).sum(),
                "Often: the sum over the images was taken. One value an image is wanted.",
            ),
        ),
    ),
    "distillation.resoften": Exercise(
        reference=_resoften,
        cases=_probability_cases,
        hint="The logits are ln p up to a constant, and softmax does not see the constant. exp(ln(p) / T) has a "
        "shorter name, which is safe for p = 0.",
        mistakes=(
            Mistake(
                _scaled_and_normalised,
                "Often: p/T, normalised, which is p again: a common factor cancels. (p ** 1 / T is p/T too: write "
                "1 / T in brackets.)",
            ),
            Mistake(
                lambda probabilities, temperature: softmax(probabilities, temperature=temperature),
                "Often: probabilities were treated as logits. Their logarithms are logits.",
            ),
            Mistake(
                lambda probabilities, temperature: probabilities ** (1 / temperature),
                "Often: the power is right, the sum is not 1 any more: divide by it.",
            ),
            Mistake(
                lambda probabilities, temperature: softmax(
                    np.log(np.where(probabilities > 0, probabilities, 1)), temperature=temperature
                ),
                "Often: a 1 inside the logarithm where p is 0, as for the entropy. There p = 0 multiplies it; "
                "here ln 1 = 0 is the largest logit. What is 0 stays 0.",
            ),
            *(
                Mistake(
                    lambda probabilities, temperature, keep=keep: _resoften(keep(probabilities), temperature),
                    "Often: something small was added before the logarithm, or the zeros were raised to it. A "
                    "high T makes much of it: what is 0 stays 0.",
                )
                for keep in KEPT_FROM_ZERO
            ),
            Mistake(_sum_over_all, "Often: divided by the sum over all images. Each row sums to 1."),
            Mistake(_sharpened, "Often: p to the power T, which sharpens. The exponent is 1/T."),
            Mistake(
                lambda probabilities, temperature: probabilities / temperature,
                "Often: p was divided by T, as p ** 1 / T does too. It then sums to 1/T. The exponent is (1 / T).",
            ),
        ),
    ),
    "distillation.weights": Exercise(
        reference=_weights,
        cases=_weight_cases,
        hint="Write alpha · H as (alpha / T²) · (T² · H).",
        mistakes=(
            Mistake(
                _weights_as_given,
                "Often: T does not matter. It does: without T² the soft term is T² times weaker.",
            ),
            Mistake(_weights_by_t, "Often: divided by T. The missing factor is T²."),
            Mistake(
                _weights_inverted,
                "Often: multiplied by T². The code without T² has the weaker soft term, so its "
                "alpha is worth less here.",
            ),
            Mistake(
                lambda alpha, beta, temperature: np.array([alpha / temperature**2, beta]),
                "Often: the two must sum to 1.",
            ),
            Mistake(
                lambda alpha, beta, temperature: np.array([alpha, beta * temperature**2]),
                "Often: the ratio is right; divide both by their sum, so that it is 1.",
            ),
            Mistake(
                lambda alpha, beta, temperature: np.array([alpha / temperature**2, beta]) / (alpha + beta),
                "Often: divided by the old sum. The new pair has to sum to 1.",
            ),
            Mistake(
                lambda alpha, beta, temperature: np.array([alpha / temperature**2, 1 - alpha / temperature**2]),
                "Often: the rest went to the labels. Their weight is beta: the ratio decides the direction.",
            ),
            Mistake(
                lambda alpha, beta, temperature: _weights(alpha, beta, temperature)[::-1],
                "Often: the order. The soft term's weight comes first.",
            ),
        ),
    ),
    "distillation.raised_bias": Exercise(
        reference=_raised_bias,
        cases=_bias_cases,
        hint="For each bias: copy the logits, add the bias to one column, compare the argmax with the labels.",
        rtol=1e-9,
        mistakes=(
            Mistake(
                _bias_adds_up,
                "Often: the same array was raised again and again. Start from the original logits for each bias.",
            ),
            Mistake(
                lambda logits, labels, class_id, biases: _raised_bias(logits, labels, class_id, -biases),
                "Often: the bias was subtracted. It is added.",
            ),
            Mistake(
                lambda logits, labels, class_id, biases: _raised_bias(
                    logits, labels, (class_id - 1) % logits.shape[-1], biases
                ),
                "Often: the column before. Ids count from 0: the class's column is logits[:, class_id].",
            ),
            Mistake(
                _bias_for_all,
                "Often: the bias was added to every class, or to a whole image by logits[class_id]. Neither "
                "changes an argmax. Only the column logits[:, class_id] gets it.",
            ),
            Mistake(
                _bias_on_probabilities,
                "Often: the bias was added to the probabilities. It is added to the logits.",
            ),
            Mistake(_bias_in_place_of, "Often: the bias took the place of the logit. It is added to it."),
            Mistake(
                lambda logits, labels, class_id, biases: (
                    len(labels) * _raised_bias(logits, labels, class_id, biases)
                ),
                "Often: the number of right answers. Their share is wanted.",
            ),
            Mistake(
                lambda logits, labels, class_id, biases: _raised_bias(
                    logits, np.full_like(labels, class_id), class_id, biases
                ),
                "Often: the share of answers that are this class. The share of right answers is wanted.",
            ),
            Mistake(
                _accuracy_of_the_class,
                "Often: accuracy on the samples of that class only. All samples count: a "
                "high bias costs the others.",
            ),
            Mistake(
                lambda logits, labels, class_id, biases: 1 - _raised_bias(logits, labels, class_id, biases),
                "Often: the share of errors. The share of right answers is wanted.",
            ),
        ),
    ),
}
