/** One change to one compiled file: `find` must be there exactly once, white space aside. */
export interface Edit {
  /** In `src`, or from there on. */
  readonly file: string
  readonly find: string
  readonly put: string
}

/** A small fault that the simulator has to catch: a test that cannot fail proves nothing. */
export interface PlantedBug {
  readonly name: string
  /** A seed that catches it; found by `npm run sim -- --planted --find`. */
  readonly seed: number
  /** Runs of random faults; `takeover`: a leader that is paused; `rejoin`: a node that was away for too long. */
  readonly scenario?: 'takeover' | 'rejoin'
  /** For what only a cluster of this size can show; otherwise the seed decides. */
  readonly nodes?: number
  readonly edits: readonly Edit[]
}
