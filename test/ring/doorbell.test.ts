import { describe, expect, test } from '@jest/globals'
import { allocateDoorbell, Doorbell } from '../../src/ring/doorbell.js'
import { allocateRing, RingConsumer, RingProducer } from '../../src/ring/spsc-ring.js'

const always = (): boolean => true
const never = (): boolean => false

function bells() {
  const memory = allocateDoorbell()
  return { sleeper: new Doorbell(memory), ringer: new Doorbell(memory) }
}

describe('park', () => {
  test('looks again after it has announced itself, and does not sleep when there is work', () => {
    const { sleeper, ringer } = bells()
    let announced = false
    const outcome = sleeper.park(10_000, () => {
      announced = ringer.isParked()
      return false
    })
    expect(outcome).toBe('ready')
    expect(announced).toBe(true)
    expect(ringer.isParked()).toBe(false)
  })

  test('times out when nobody rings', () => {
    const { sleeper, ringer } = bells()
    expect(sleeper.park(5, always)).toBe('timed-out')
    expect(ringer.isParked()).toBe(false)
  })

  test('a ring between the re-check and the wait is not lost', () => {
    const { sleeper, ringer } = bells()
    const outcome = sleeper.park(10_000, () => {
      expect(ringer.ring()).toBe(true)
      return true
    })
    expect(outcome).toBe('woken')
  })

  test('only the first of several rings pays for the notification', () => {
    const { sleeper, ringer } = bells()
    const rings: boolean[] = []
    sleeper.park(10_000, () => {
      rings.push(ringer.ring(), ringer.ring())
      return true
    })
    expect(rings).toEqual([true, false])
    expect(ringer.ring()).toBe(false)
  })

  test('a wake between two parks ends the second one, once', () => {
    const { sleeper, ringer } = bells()
    ringer.wake()
    expect(sleeper.park(10_000, always)).toBe('woken')
    expect(sleeper.park(5, always)).toBe('timed-out')
  })

  test('a slow ringer cannot clear a later announcement', () => {
    const memory = allocateDoorbell()
    const sleeper = new Doorbell(memory)
    const words = new Int32Array(memory, 0, 2)
    sleeper.park(0, () => false)
    let parked = 0
    sleeper.park(10_000, () => {
      parked = words[1] as number
      new Doorbell(memory).ring()
      return true
    })
    sleeper.park(0, () => {
      // The rest of a ring that began in the park before.
      expect(Atomics.compareExchange(words, 1, parked, 0)).not.toBe(parked)
      expect(sleeper.isParked()).toBe(true)
      return true
    })
  })

  test('spinning is bounded and off by default', () => {
    const memory = allocateDoorbell()
    let looks = 0
    const count = (): boolean => {
      looks++
      return true
    }
    new Doorbell(memory).park(0, count)
    expect(looks).toBe(1)
    const spinner = new Doorbell(memory, 0, { maxSpins: 64 })
    looks = 0
    spinner.park(0, count)
    expect(looks).toBe(65)
    for (let i = 0; i < 10; i++) spinner.park(0, count)
    looks = 0
    spinner.park(0, count)
    expect(looks).toBe(5)
    expect(spinner.park(10_000, never)).toBe('ready')
  })
})

describe('waitAsync', () => {
  test('gives nothing to wait for when there is work, and announces before it looks', () => {
    const { sleeper, ringer } = bells()
    let announced = false
    const promise = sleeper.waitAsync(() => {
      announced = ringer.isParked()
      return false
    })
    expect(promise).toBeUndefined()
    expect(announced).toBe(true)
    expect(ringer.isParked()).toBe(false)
  })

  test('resolves when rung, is one promise meanwhile, and can be used again', async () => {
    const { sleeper, ringer } = bells()
    const alive = setInterval(() => {}, 1000)
    for (let i = 0; i < 100; i++) {
      const promise = sleeper.waitAsync(always)
      expect(promise).toBeDefined()
      expect(sleeper.waitAsync(never)).toBe(promise)
      expect(ringer.ring()).toBe(true)
      expect(ringer.ring()).toBe(false)
      await promise
    }
    clearInterval(alive)
  })

  test('a ring between the re-check and the wait is not lost', () => {
    const { sleeper, ringer } = bells()
    expect(sleeper.waitAsync(() => ringer.ring())).toBeUndefined()
    expect(ringer.isParked()).toBe(false)
  })
})

describe('ring and bell', () => {
  test('publish rings only a parked consumer, after the records are visible', () => {
    const memory = allocateRing(256)
    const bell = allocateDoorbell()
    const sleeper = new Doorbell(bell)
    const producer = new RingProducer(memory, new Doorbell(bell))
    const consumer = new RingConsumer(memory)
    const words = new Int32Array(bell)
    producer.tryClaim(1, 0)
    producer.commit()
    producer.publish()
    expect(words[0]).toBe(0)
    expect(sleeper.park(10_000, () => consumer.isEmpty())).toBe('ready')
    consumer.next()
    const outcome = sleeper.park(10_000, () => {
      const empty = consumer.isEmpty()
      producer.tryClaim(2, 0)
      producer.commit()
      producer.publish()
      return empty
    })
    expect(outcome).toBe('woken')
    expect(words[0]).toBe(1)
    expect(consumer.isEmpty()).toBe(false)
  })

  test('the bell finds the record visible, and the freed space stored', () => {
    const memory = allocateRing(256)
    const consumer = new RingConsumer(memory)
    let sawRecord = false
    class Watch extends Doorbell {
      override ring(): boolean {
        sawRecord = !consumer.isEmpty()
        return super.ring()
      }
    }
    const producer = new RingProducer(memory, new Watch(allocateDoorbell()))
    producer.tryClaim(1, 0)
    producer.commit()
    producer.publish()
    expect(sawRecord).toBe(true)
    let sawSpace = 0
    class WatchSpace extends Doorbell {
      override ring(): boolean {
        sawSpace = producer.freeBytes()
        return super.ring()
      }
    }
    const releasing = new RingConsumer(memory, new WatchSpace(allocateDoorbell()))
    while (producer.tryClaim(1, 56) >= 0) producer.commit()
    producer.requestSpace(56)
    while (releasing.next()) {}
    releasing.release()
    expect(sawSpace).toBe(256)
  })

  test('a release that answers a request rings the bell of the host', () => {
    const memory = allocateRing(256)
    const hostBell = allocateDoorbell()
    const host = new Doorbell(hostBell)
    const producer = new RingProducer(memory)
    const consumer = new RingConsumer(memory, new Doorbell(hostBell))
    while (producer.tryClaim(1, 56) >= 0) producer.commit()
    expect(producer.requestSpace(56)).toBe(false)
    const outcome = host.park(10_000, () => {
      consumer.next()
      consumer.release()
      return true
    })
    expect(outcome).toBe('woken')
    expect(producer.awaitsSpace()).toBe(false)
  })
})
