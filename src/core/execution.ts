import { assert } from '../base/assert.js'
import type { Instance } from '../base/numbers.js'
import type { CommandRun, Value } from './command-run.js'
import type { GroupState } from './group-state.js'
import type { Roles } from './roles.js'
import type { Verdict } from './sessions.js'

export interface PlannedRun {
  readonly run: CommandRun
  readonly verdict: Verdict
  /** Of this node's present incarnation: its callers wait for the results. */
  readonly own: boolean
}

/** The order of execution, and which runs of an instance are executed: the same on every replica. */
export class Execution {
  private readonly state: GroupState
  private readonly roles: Roles
  private planned: { readonly instance: Instance; readonly runs: readonly PlannedRun[] } | undefined

  constructor(state: GroupState, roles: Roles) {
    this.state = state
    this.roles = roles
  }

  plan(instance: Instance, value: Value): readonly PlannedRun[] {
    const { state, roles } = this
    assert(instance === state.executedUpTo + 1 && instance <= state.chosenUpTo, 'execution follows the log, in order')
    assert(this.planned === undefined, 'an instance is planned once')
    const runs = state.config.values.decode(value).map((run) => ({
      run,
      verdict: roles.origin.sessions.apply(run, instance),
      own: roles.origin.isOwn(run),
    }))
    this.planned = { instance, runs }
    return runs
  }

  onExecuted(instance: Instance): void {
    const { state, roles, planned } = this
    assert(planned?.instance === instance, 'what was executed is what was planned')
    this.planned = undefined
    state.executedUpTo = instance
    state.log.forget(instance)
    for (const { run, verdict, own } of planned.runs) {
      roles.proposer.onRunEnded(run)
      if (own) roles.origin.onExecuted(run, verdict)
    }
    roles.reads.release()
  }
}
