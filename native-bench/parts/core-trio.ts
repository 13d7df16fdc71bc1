import { valueCodec } from '../../src/codec/commands.js'
import { RunBuilder } from '../../src/codec/run-builder.js'
import { DEFAULT_TUNING } from '../../src/core/config.js'
import { EMPTY_HEAD } from '../../src/core/durable.js'
import { clearEffects, createEffects, type Effects } from '../../src/core/effects.js'
import { Group } from '../../src/core/group.js'
import type { Input } from '../../src/core/input.js'
import { Membership } from '../../src/core/membership.js'
import type { Message } from '../../src/core/messages.js'

const NODES = [1, 2, 3]
const NO_DEADLINE = Number.MAX_SAFE_INTEGER
const voterOf = (nodeId: number): string => `voter-${nodeId}`

interface Member {
  readonly nodeId: number
  readonly group: Group
  readonly effects: Effects
  readonly inbox: { readonly from: number; readonly message: Message }[]
}

/** Three cores of one group, with a disk that is done at once and links that carry objects: what the protocol itself takes. */
export class CoreTrio {
  readonly #members: readonly Member[]
  readonly #body: Uint8Array
  readonly #commands: number
  #sequence = 1
  #now = 1_000

  /** Each instance is to hold so many commands of so many bytes. */
  constructor(commands: number, bytes: number) {
    const builder = new RunBuilder()
    const command = new Uint8Array(bytes).fill(7)
    for (let i = 0; i < commands; i++) builder.add(1, 0, command, 0, bytes)
    this.#body = builder.take()
    this.#commands = commands
    this.#members = NODES.map((nodeId) => {
      const voters = NODES.map((each) => ({ nodeId: each, voterId: voterOf(each) }))
      const config = {
        ...{ nodeId, voterId: voterOf(nodeId), incarnation: nodeId.toString(16).padStart(16, '0'), seed: nodeId },
        ...{ membership: new Membership(0, voters), values: valueCodec, proposeOn: 'leader' as const },
        tuning: DEFAULT_TUNING,
      }
      const group = new Group(config, { head: EMPTY_HEAD, tail: [] })
      return { nodeId, group, effects: createEffects(), inbox: [] }
    })
    for (const member of this.#members) member.group.start(this.#now, member.effects)
    for (const { nodeId } of this.#members)
      for (const peer of NODES)
        if (peer !== nodeId) this.#input(nodeId, { kind: 'link', peer, voterId: voterOf(peer), up: true })
    this.instance()
    if (this.#members[0]!.group.chosenUpTo < 2) throw new Error('three cores did not come to a leader')
  }

  /** One more instance, proposed by node 1 and chosen; the others execute it with what the next one tells them. */
  instance(): void {
    this.#now++
    const run = { sequence: this.#sequence, count: this.#commands, body: this.#body, deadline: NO_DEADLINE }
    this.#sequence += this.#commands
    this.#input(1, { kind: 'propose', run })
    this.#settle()
  }

  #input(nodeId: number, input: Input): void {
    const { group, effects } = this.#members[nodeId - 1]!
    group.step(input, this.#now, effects)
  }

  #settle(): void {
    for (let isBusy = true; isBusy; ) {
      isBusy = false
      for (const member of this.#members) isBusy = this.#round(member) || isBusy
    }
  }

  /** As the worker's round: inputs, `drained`, a commit, execution. True if it did anything. */
  #round(member: Member): boolean {
    const { nodeId, group, effects, inbox } = member
    let isBusy = inbox.length > 0
    for (const { from, message } of inbox.splice(0)) group.step({ kind: 'message', from, message }, this.#now, effects)
    group.step({ kind: 'drained' }, this.#now, effects)
    if (effects.records.length > 0 || effects.head !== undefined) {
      group.step({ kind: 'persisted' }, this.#now, effects)
      isBusy = true
    }
    while (group.executedUpTo < group.chosenUpTo) {
      const instance = group.executedUpTo + 1
      const value = group.chosenValue(instance)
      if (value === undefined) throw new Error(`the value of instance ${instance} is not in memory`)
      group.planExecution(instance, value)
      group.step({ kind: 'executed', instance }, this.#now, effects)
      isBusy = true
    }
    for (const { to, message } of effects.sends)
      for (const peer of to) this.#members[peer - 1]!.inbox.push({ from: nodeId, message })
    isBusy ||= effects.sends.length > 0
    clearEffects(effects)
    return isBusy
  }
}
