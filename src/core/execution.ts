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
  /** The checksum chain at `executedUpTo`. */
  chain: number
  /** Chosen on disk at the start: what is executed up to here was read from it. */
  private readonly replayUpTo: Instance
  private planned:
    | { readonly instance: Instance; readonly runs: readonly PlannedRun[]; readonly chain: number }
    | undefined

  constructor(state: GroupState, roles: Roles, chain: number) {
    this.state = state
    this.roles = roles
    this.chain = chain
    this.replayUpTo = state.chosenUpTo
    assert(
      state.executedUpTo < state.chosenUpTo || chain === state.chains.current,
      'the state and the log were made by the same values',
    )
  }

  /** In the middle of an instance: the sessions are those behind it already. */
  get isPlanned(): boolean {
    return this.planned !== undefined
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
    this.planned = { instance, runs, chain: this.chainAt(instance, value) }
    return runs
  }

  onExecuted(instance: Instance): void {
    const { state, roles, planned } = this
    assert(planned?.instance === instance, 'what was executed is what was planned')
    this.planned = undefined
    state.executedUpTo = instance
    this.chain = planned.chain
    state.log.forget(instance)
    for (const { run, verdict, own } of planned.runs) {
      roles.proposer.onRunEnded(run)
      if (own) roles.origin.onExecuted(run, verdict)
    }
    roles.reads.release()
  }

  /** What was read from the disk must lead to the chain that the head has: a sound record may still be an older one. */
  private chainAt(instance: Instance, value: Value): number {
    const { chains, config } = this.state
    const known = chains.at(instance)
    if (known !== undefined && instance > this.replayUpTo) return known
    const chain = config.values.checksum(value, this.chain)
    assert(known === undefined || known === chain, `the records up to ${instance} are not the ones that were chosen`)
    return chain
  }
}
