/** 0: done, and nothing is wrong. */
export const DAMAGED = 1
/** Nothing was found out, or nothing done: wrong arguments, or something that is in the way. */
export const NOT_DONE = 2

/** Why a command does nothing, for the person who gave it: what was found, what was expected, what to do. */
export class Refusal extends Error {
  override readonly name = 'Refusal'
}
