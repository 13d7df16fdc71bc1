/** One operation of a history, as its caller knows it. Times only order: the smaller one came first. */
export interface Operation<Action> {
  readonly call: number
  /** Infinite: the caller never heard the end. It took effect once at any time after the call, or never. */
  readonly end: number
  /** What was asked, and what was answered. */
  readonly action: Action
}

/** What one caller after another would see. */
export interface Model<State, Action> {
  readonly initial: State
  /**
   * The state after `action` took effect in `state`; undefined if it cannot have ended there as it says. An action without
   * an answer is asked only whether it can have taken effect, as it may also be left out.
   */
  step(state: State, action: Action): State | undefined
  /** Equal for equal states only. */
  key(state: State): string
}
