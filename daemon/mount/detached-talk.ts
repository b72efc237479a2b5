/**
 * What a command and the process of the detached mount that it starts say to each other, over a socket: first a line
 * of JSON comes in (DetachedStart), then one goes out (DetachedReport), and that ends the talk.
 */
import type { ByteString } from '../../lib/base/bytes';
import { UserError } from '../../lib/base/errors';
import type { MountConfig } from './config';

/** The internal command that starts the process. */
export const SERVE_WORD = '--serve-mount';

/** The socket, in the process that is started. */
export const REPORT_FD = 3;

export interface DetachedStart {
  readonly config: MountConfig;
  /** Where the process logs; its standard output and error go there too. */
  readonly logFile: ByteString;
  /** The log file is of no use to anybody after a clean end. */
  readonly removeLog: boolean;
}

export type DetachedReport = { readonly ready: true } | { readonly ready: false; readonly error: object };

/** What a line says, or null where it is no report. */
export function parseReport(line: string): { readonly error: UserError | null } | null {
  try {
    const { ready, error } = Object(JSON.parse(line)) as Record<string, unknown>;
    if (ready === true) return { error: null };
    const parsed = ready === false ? UserError.parse(error) : null;
    return parsed === null ? null : { error: parsed };
  } catch {
    return null;
  }
}
