import { setTimeout as sleep } from 'node:timers/promises'
import { type Flip, flip, hasEndedVoter } from './flip-places.js'
import { type FlipStage, HARMED, OTHERS } from './flip-stage.js'
import { type Entry, type Held, isSame } from './key-truth.js'

/**
 * `unnoticed`: right answers, and no alarm; `repaired`: an alarm, and then right answers, with the vote that it had; `found
 * late`: right answers, and then the alarm that a store fails, of which nobody waited for the end.
 */
export type Outcome = 'unnoticed' | 'repaired' | 'found late' | 'voter ended' | 'failed'

export interface TrialResult {
  readonly outcome: Outcome
  /** Lives that ended with a signal. */
  readonly crashes: number
  /** Starts that somebody had to order, because a group had failed for good in a node that ran. */
  readonly restarts: number
  /** Codes of the alarms of the harmed node, each once. */
  readonly codes: readonly string[]
  readonly problems: readonly string[]
  readonly ms: number
}

const MAX_LIVES = 5
const WRITES_BEFORE = 3
const WRITES_AFTER = 2
const POLL_MS = 30
const SHOWN = 5
const END_KNOWN_MS = 2_000
const CONNECTION_ENDS = ['ECONNREFUSED', 'ECONNRESET', 'EPIPE']
const DAMAGE = ['STORE_DAMAGED', 'GROUP_DAMAGED']

/** A group that does nothing more in this life, and says why. */
class GroupFailed extends Error {}

/** Node 3 starts on its data with one byte changed, beside two others that are well. */
export class FlipTrial {
  readonly #stage: FlipStage
  readonly #limitMs: number
  readonly #allowedRestarts: number
  readonly #problems: string[] = []
  #crashes = 0
  #restarts = 0

  constructor(stage: FlipStage, limitMs: number, allowedRestarts: number) {
    this.#stage = stage
    this.#limitMs = limitMs
    this.#allowedRestarts = allowedRestarts
  }

  async run(place: Flip): Promise<TrialResult> {
    const stage = this.#stage
    const { cluster } = stage
    await stage.restore()
    stage.alarms.length = 0
    flip(cluster.dataDir(HARMED), place)
    const began = performance.now()
    await stage.writeSome(OTHERS[0]!, WRITES_BEFORE)
    const isWell = await this.#live()
    const ms = performance.now() - began
    const end = isWell ? await this.#outcome() : 'failed'
    await cluster.process(HARMED).kill()
    // Also what was told after the answers.
    const codes = [...new Set(stage.alarms.filter(({ nodeId }) => nodeId === HARMED).map(({ code }) => code))]
    for (const alarm of stage.alarms)
      if (alarm.nodeId !== HARMED) this.#problems.push(`alarm of another node: ${JSON.stringify(alarm)}`)
    const isLate = this.#restarts === 0 && codes.some((code) => DAMAGE.includes(code))
    const noticed = codes.length === 0 ? 'unnoticed' : isLate ? 'found late' : 'repaired'
    return {
      ...{ outcome: end === 'unnoticed' ? noticed : end, crashes: this.#crashes, restarts: this.#restarts, codes },
      ...{ problems: this.#problems.slice(0, SHOWN), ms },
    }
  }

  /** Lives until one is well; true then. */
  async #live(): Promise<boolean> {
    const { cluster } = this.#stage
    for (let life = 1; life <= MAX_LIVES; life++) {
      const process = cluster.spawn(HARMED)
      try {
        await process.ready
        await this.#isServing()
        return true
      } catch (error) {
        // One that has just crashed refuses connections before its end is known here.
        if (CONNECTION_ENDS.includes((error as NodeJS.ErrnoException).code ?? ''))
          await Promise.race([process.exited, sleep(END_KNOWN_MS)])
        if (process.isRunning && error instanceof GroupFailed) {
          if (++this.#restarts > this.#allowedRestarts) this.#problems.push(`it needs a restart: ${error.message}`)
          await process.stop()
          continue
        }
        if (process.isRunning) {
          this.#problems.push(`${(error as Error).message}\n${process.output}`)
          return false
        }
      }
      const end = await process.exited
      if (typeof end === 'number') {
        this.#problems.push(`it ended with status ${end}\n${process.output}`)
        return false
      }
      this.#crashes++
    }
    this.#problems.push(`it was not well in ${MAX_LIVES} lives\n${cluster.process(HARMED).output}`)
    return false
  }

  /** Whatever it answers is right; and in time it answers everything. Throws if it does not, or is gone. */
  async #isServing(): Promise<void> {
    const stage = this.#stage
    const { truth } = stage
    const groups = (await stage.status(HARMED)).groups.map(({ group }) => group)
    for (const group of groups) {
      const early = await this.#scan(group, 'local')
      const flaws = early === undefined ? [] : truth.flawsAsOfAnyTime(group, early)
      this.#problems.push(...flaws.slice(0, SHOWN).map((flaw) => `at once, group ${group}: ${flaw}`))
    }
    for (const group of groups) await this.#answer(group, 'quorum')
    await stage.writeSome(HARMED, WRITES_AFTER)
    for (const group of groups) {
      for (const consistency of ['quorum', 'local'] as const) {
        const differences = truth.differences(group, await this.#answer(group, consistency))
        this.#problems.push(...differences.slice(0, SHOWN).map((text) => `${consistency}, group ${group}: ${text}`))
      }
    }
    await this.#readEach()
    for (const group of groups) await this.#answer(group, 'local')
  }

  async #readEach(): Promise<void> {
    const { cluster, truth } = this.#stage
    const { keys } = truth
    const { status, body } = await cluster.client.send(HARMED, 'POST', '/gets', JSON.stringify(keys))
    if (status !== 200) throw new Error(`reading each key gave ${status}: ${body}`)
    for (const [i, pair] of (JSON.parse(body) as ([number, number] | null)[]).entries()) {
      const held: Held | undefined = pair === null ? undefined : { version: pair[0], crc: pair[1] }
      const key = keys[i]!
      if (isSame(held, truth.now(key))) continue
      this.#problems.push(`read of ${key}: ${JSON.stringify(held)}, and not ${JSON.stringify(truth.now(key))}`)
    }
  }

  async #answer(group: number, consistency: 'quorum' | 'local'): Promise<readonly Entry[]> {
    for (const deadline = performance.now() + this.#limitMs; ; await sleep(POLL_MS)) {
      const entries = await this.#scan(group, consistency)
      if (entries !== undefined) return entries
      const view = (await this.#stage.status(HARMED)).groups[group]
      const { code = '', message = '' } = view?.failure ?? {}
      if (DAMAGE.includes(code)) throw new GroupFailed(`group ${group}, ${code}: ${message}`)
      if (performance.now() < deadline) continue
      throw new Error(`no ${consistency} answer of group ${group} in ${this.#limitMs} ms: ${JSON.stringify(view)}`)
    }
  }

  /** Undefined: not just now. */
  async #scan(group: number, consistency: 'quorum' | 'local'): Promise<readonly Entry[] | undefined> {
    const path = `/scan?group=${group}&consistency=${consistency}`
    const { status, body } = await this.#stage.cluster.client.send(HARMED, 'GET', path)
    return status === 200 ? (JSON.parse(body) as Entry[]) : undefined
  }

  async #outcome(): Promise<Outcome> {
    const { base, cluster } = this.#stage
    const { isVoter, voterId } = await this.#stage.status(HARMED)
    const isAside = hasEndedVoter(cluster.dataDir(HARMED))
    if (isVoter && voterId === base.voterId && !isAside) {
      const promised = await this.#stage.heads()
      const lowered = promised.filter((ballot, group) => ballot < base.promised[group]!)
      if (lowered.length === 0) return 'unnoticed'
      this.#problems.push(`promises were lowered from ${base.promised} to ${promised}`)
      return 'failed'
    }
    if (!isVoter && voterId !== base.voterId && isAside) return 'voter ended'
    this.#problems.push(`voter ${base.voterId} became ${voterId}, votes: ${isVoter}, data set aside: ${isAside}`)
    return 'failed'
  }
}
