import { assert } from '../../../src/base/assert.js'
import type { GroupIndex } from '../../../src/base/numbers.js'

/**
 * What one life of a worker has to tell of its troubles, as docs/errors.md says: each alarm that a fault calls for comes,
 * once, and no other does.
 */
export class Alarms {
  private readonly due = new Map<string, number>()

  /** It has to come by the end of the round. */
  expect(group: GroupIndex, code: string): void {
    const name = `${code} of group ${group}`
    this.due.set(name, (this.due.get(name) ?? 0) + 1)
  }

  came(group: GroupIndex, code: string, detail: string): void {
    const name = `${code} of group ${group}`
    const due = this.due.get(name) ?? 0
    assert(due > 0, `an alarm that nothing calls for: ${name}: ${detail}`)
    if (due > 1) this.due.set(name, due - 1)
    else this.due.delete(name)
  }

  checkAllCame(): void {
    assert(this.due.size === 0, `not told: ${[...this.due.keys()].join(', ')}`)
  }
}
