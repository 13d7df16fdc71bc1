import type { GroupIndex, Instance, NodeId } from '../../../src/base/numbers.js'
import type { DurableState, LogRecord } from '../../../src/core/durable.js'
import type { GroupWrite, LogStore } from '../../../src/store/log-store.js'
import type { Observer } from './observer.js'
import type { VirtualDisk } from './virtual-disk.js'

/** A store under the eyes of the observer, who is told what became durable, whatever the store itself says. */
export class ObservedStore implements LogStore {
  private readonly inner: LogStore
  private readonly node: NodeId
  private readonly disk: VirtualDisk
  private readonly observer: Observer

  constructor(inner: LogStore, node: NodeId, disk: VirtualDisk, observer: Observer) {
    this.inner = inner
    this.node = node
    this.disk = disk
    this.observer = observer
  }

  load(group: GroupIndex): DurableState | undefined {
    const state = this.inner.load(group)
    if (state !== undefined) this.observer.check(() => this.observer.loaded(this.node, group, state))
    return state
  }

  create(groups: readonly GroupIndex[]): void {
    this.inner.create(groups)
  }

  commit(writes: readonly GroupWrite[]): void {
    const before = this.disk.transactions
    try {
      this.inner.commit(writes)
    } finally {
      if (this.disk.transactions > before) {
        this.observer.check(() => this.observer.committed(this.node, writes))
      }
    }
  }

  read(group: GroupIndex, from: Instance, upTo: Instance, maxBytes: number): LogRecord[] {
    const records = this.inner.read(group, from, upTo, maxBytes)
    this.observer.check(() => this.observer.readBack(this.node, group, records))
    return records
  }

  get hasUnflushed(): boolean {
    return this.inner.hasUnflushed
  }

  setRelaxed(isRelaxed: boolean): void {
    this.inner.setRelaxed(isRelaxed)
  }

  flush(): void {
    this.inner.flush()
  }

  endRound(): void {
    this.inner.endRound()
  }

  close(): void {
    // Taking up the journal may fail: nothing is lost by it, so nobody has to hear of it.
    this.disk.isClosing = true
    this.inner.close()
    this.disk.isClosing = false
  }
}
