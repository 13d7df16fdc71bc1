import type { Doorbell } from '../ring/doorbell.js'
import { GatePhase, isCondemned } from '../ring/gate-word.js'
import type { Round } from './round.js'
import type { Workplace } from './workplace.js'

/**
 * `begin`, then round after round until the host says stop; asleep while there is nothing to do. Blocks the thread. What
 * it throws (a corrupt ring, a defect) ends this worker; its stores are closed by then, for the next one to open.
 */
export function runLoop(round: Round, bell: Doorbell, { gate, meter }: Workplace, begin: () => void): void {
  try {
    begin()
    meter.lap('startMs')
    while (!round.isStopping) {
      if (round.run() || round.isStopping) continue
      const parkMs = round.parkMs()
      if (parkMs === 0) continue
      gate.enter(GatePhase.parked)
      meter.add('parks')
      bell.park(parkMs, round.stillEmpty)
      meter.lap('parkedMs')
    }
    gate.enter(GatePhase.round)
    round.finish()
  } catch (error) {
    // The supervisor is about to terminate this thread: nothing native may run on the way out.
    if (isCondemned(error)) gate.halt()
    round.closeStores()
    throw error
  }
}
