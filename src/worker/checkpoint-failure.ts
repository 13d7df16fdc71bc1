/** Why a checkpoint task gave up, where nothing is damaged. `STATE_MOVED`: it came too late, and may be tried again. */
export class CheckpointFailure extends Error {
  override readonly name = 'CheckpointFailure'
  readonly code: 'CHECKPOINT_FAILED' | 'STATE_MOVED'

  constructor(code: CheckpointFailure['code'], message: string, options?: ErrorOptions) {
    super(message, options)
    this.code = code
  }
}
