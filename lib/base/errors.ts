/** What a person sees when something is wrong: one line, a hint, an exit code. */
import { EXIT, type ExitCode } from './exit-codes';

/**
 * A failure to be shown to the user. It travels from the mount's process to the command unchanged (`toJSON`,
 * `fromJSON`).
 */
export class UserError extends Error {
  override readonly name = 'UserError';

  /**
   * @param code a stable word for programs, e.g. `layer-missing`
   * @param message one line that names what was wrong, without a full stop
   * @param hint how to mend it, or '' where the message says it already
   * @param exitCode what the process exits with
   */
  constructor(
    readonly code: string,
    message: string,
    readonly hint: string,
    readonly exitCode: ExitCode,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }

  toJSON(): object {
    return {
      code: this.code,
      message: this.message,
      hint: this.hint,
      exitCode: this.exitCode,
      stack: this.stack,
    };
  }

  /** From JSON of unknown making; null where it is none. */
  static parse(json: unknown): UserError | null {
    const { code, message, hint, exitCode, stack } = Object(json) as Record<string, unknown>;
    if (typeof code !== 'string' || typeof message !== 'string' || typeof hint !== 'string') return null;
    if (!Object.values(EXIT).includes(exitCode as ExitCode)) return null;
    const error = { code, message, hint, exitCode: exitCode as ExitCode };
    return UserError.fromJSON(typeof stack === 'string' ? { ...error, stack } : error);
  }

  static fromJSON(json: {
    code: string;
    message: string;
    hint: string;
    exitCode: ExitCode;
    stack?: string;
  }): UserError {
    const error = new UserError(json.code, json.message, json.hint, json.exitCode);
    if (json.stack !== undefined) error.stack = json.stack;
    return error;
  }
}
