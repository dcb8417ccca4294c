/** A target that writes one structured line: for trying out a policy, and for commands that people carry out by hand. */
import type { TargetKind } from './target.ts';

interface LogSettings {
  /** Writes the command too. */
  readonly with_command?: boolean;
}

/** The part of a request body that is logged. */
interface LoggedRequest {
  readonly data: {
    readonly decision_id: string;
    readonly event_id: string;
    readonly action: string;
    readonly command: object;
  };
}

export const logTarget: TargetKind<LogSettings> = {
  name: 'log',
  shape: {
    type: 'object',
    description: 'a mapping, empty or with with_command',
    additionalProperties: false,
    properties: {
      with_command: {
        type: 'boolean',
        description:
          'true or false: a command quotes its event, so true is for logs that may hold events',
      },
    },
  },
  check: () => [],
  async open(name, { with_command: withCommand = false }, { log }) {
    return {
      name,
      kind: 'log',
      // A line that appears twice says the same thing twice.
      idempotent: true,
      async deliver({ executionId, body }) {
        const { data } = JSON.parse(body) as LoggedRequest;
        const fields = {
          target: name,
          executionId,
          decisionId: data.decision_id,
          eventId: data.event_id,
          action: data.action,
          ...(withCommand ? { command: data.command } : {}),
        };
        log.info(fields, 'execution requested');
        return { kind: 'acknowledged', detail: 'logged', answer: {} };
      },
    };
  },
};
