import type { GroupIndex, Instance } from '../base/numbers.js'
import { checkValue, valueCodec } from '../codec/commands.js'
import type { Head, LogRecord } from '../core/durable.js'
import type { LmdbReadOnly } from '../store/lmdb-read-only.js'
import { type KnownPosition, type StoreJob, TODO } from './finding.js'
import { type LogEntry, readPage } from './log-pages.js'
import { chainText } from './record-lines.js'
import type { VerifyReport } from './verify-report.js'

/**
 * Reads every chosen record that a log keeps, and follows the chain of their checksums from the first position where it is
 * known (the beginning of the log, a checkpoint, a state) through all others to the head.
 */
export function verifyChosen(
  env: LmdbReadOnly,
  group: GroupIndex,
  head: Head,
  job: StoreJob,
  report: VerifyReport,
): void {
  new ChosenCheck(env, group, head, job, report).run()
}

class ChosenCheck {
  readonly #env: LmdbReadOnly
  readonly #group: GroupIndex
  readonly #head: Head
  readonly #job: StoreJob
  readonly #report: VerifyReport
  readonly #known: readonly KnownPosition[]
  /** Behind the instance that was read last; undefined: not known there. */
  #chain: number | undefined
  /** Unreadable ones in a row are told of together. */
  #flawed: { from: Instance; upTo: Instance; flaw: string } | undefined
  #next: Instance

  constructor(env: LmdbReadOnly, group: GroupIndex, head: Head, job: StoreJob, report: VerifyReport) {
    this.#env = env
    this.#group = group
    this.#head = head
    this.#job = job
    this.#report = report
    this.#known = report.positions.filter((position) => position.group === group)
    this.#next = head.firstKept
    this.#chain = head.firstKept === 1 ? 0 : undefined
  }

  run(): void {
    const { chosenUpTo, chain, firstKept } = this.#head
    this.#placeOfKnown()
    this.#meet(firstKept - 1)
    while (this.#next <= chosenUpTo) this.#page()
    this.#tellFlawed()
    if (this.#chain === undefined) {
      const what = `its chain could not be followed to instance ${chosenUpTo}, because nothing says where it begins`
      if (firstKept <= chosenUpTo) this.#report.note({ ...this.#at, what })
    } else if (this.#chain !== chain) {
      const what = `its records lead to chain ${chainText(this.#chain)} at instance ${chosenUpTo}, its head has ${chainText(chain)}: they are not the ones that were chosen`
      const todo =
        'Take the data of this node out of use: set the directory aside, and let it join again as a new voter.'
      this.#report.damage({ code: 'CHAIN_MISMATCH', ...this.#at, instance: chosenUpTo, what, todo })
    }
  }

  get #at() {
    return { path: this.#env.path, group: this.#group } as const
  }

  /** Before the records: whether there is something from which the group can go on, and nothing that is ahead of its log. */
  #placeOfKnown(): void {
    const { chosenUpTo, firstKept } = this.#head
    for (const { kind, path, instance } of this.#known) {
      if (instance <= chosenUpTo) continue
      const what = `it is at instance ${instance}, its log knows only ${chosenUpTo} chosen`
      const at = { path, group: this.#group, instance }
      if (kind === 'state')
        this.#report.damage({
          code: 'GROUP_DAMAGED',
          ...at,
          what: `${what}: the log is older than it was`,
          todo: TODO.voter,
        })
      else this.#report.note({ ...at, what: `${what}: the group loads it when it starts` })
    }
    if (firstKept === 1 || this.#known.some(({ instance }) => instance >= firstKept - 1)) return
    const what = `its log begins at instance ${firstKept}, and no readable checkpoint or state reaches up to there`
    const todo = 'It can vote, and executes nothing before a peer has given it a checkpoint: start it with its peers.'
    this.#report.damage({ code: 'CHECKPOINT_DAMAGED', ...this.#at, what, todo })
  }

  #page(): void {
    const { chosenUpTo } = this.#head
    const { head, entries } = readPage(this.#env, this.#group, this.#next, () => chosenUpTo)
    // Only beside a running node.
    if (head.firstKept > this.#next) this.#trimmed(Math.min(head.firstKept, chosenUpTo + 1))
    let bytes = 0
    for (const entry of entries) bytes += this.#take(entry)
    this.#report.bytes(bytes)
  }

  #trimmed(firstKept: Instance): void {
    const what = `the node trimmed the records ${this.#next}..${firstKept - 1} while it was read`
    this.#report.note({ ...this.#at, what })
    this.#chain = undefined
    this.#next = firstKept
    this.#meet(firstKept - 1)
  }

  /** The bytes that it has. */
  #take({ instance, record }: LogEntry): number {
    this.#next = instance + 1
    if (typeof record === 'string') {
      this.#chain = undefined
      this.#note(instance, record)
      this.#meet(instance)
      return 0
    }
    this.#report.count({ records: 1 })
    if (this.#job.deep) this.#decode(record)
    if (this.#chain !== undefined) this.#chain = valueCodec.checksum(record.value, this.#chain)
    this.#meet(instance)
    return record.value.length
  }

  /** Compares the chain with what is known of this instance, or takes it from there. */
  #meet(instance: Instance): void {
    for (const { path, chain, kind, instance: at } of this.#known) {
      if (at !== instance) continue
      this.#chain ??= chain
      if (chain === this.#chain) continue
      const what = `this ${kind} of instance ${instance} has chain ${chainText(chain)}, its log has ${chainText(this.#chain)} there: one of them is not of what was chosen`
      const todo = 'Compare with another node: whichever differs there is to be set aside.'
      this.#report.damage({ code: 'CHAIN_MISMATCH', path, group: this.#group, instance, what, todo })
    }
  }

  #decode({ instance, value }: LogRecord): void {
    try {
      checkValue(value)
    } catch (error) {
      const what = `record ${instance} has the right checksum, but holds no commands: ${(error as Error).message}`
      this.#report.damage({ code: 'RECORD_DAMAGED', ...this.#at, instance, what, todo: TODO.record })
    }
  }

  #note(instance: Instance, flaw: string): void {
    if (this.#flawed?.upTo === instance - 1 && this.#flawed.flaw === flaw) {
      this.#flawed.upTo = instance
      return
    }
    this.#tellFlawed()
    this.#flawed = { from: instance, upTo: instance, flaw }
  }

  #tellFlawed(): void {
    if (this.#flawed === undefined) return
    const { from, upTo, flaw } = this.#flawed
    const which = from === upTo ? `record ${from} is` : `records ${from}..${upTo} are`
    const what = `${which} ${flaw === 'missing' ? 'missing' : `unreadable (${flaw})`}`
    this.#report.damage({ code: 'RECORD_DAMAGED', ...this.#at, instance: from, what, todo: TODO.record })
    this.#flawed = undefined
  }
}
