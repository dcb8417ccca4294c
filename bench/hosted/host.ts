/** The process of a hosted contestant: does one call after the other and answers each. */
import type { Answer, Call, HostedChain, HostedModule } from './hosted.ts';

let chain: HostedChain | undefined;

async function carryOut(call: Call): Promise<void> {
  switch (call.call) {
    case 'open': {
      const module = (await import(`./${call.module}.ts`)) as HostedModule<unknown>;
      chain = await module.open(call.options);
      return;
    }
    case 'submit':
      return chain?.submit(call.first, call.count);
    case 'finish':
      return chain?.finish();
    case 'close':
      return chain?.close();
  }
}

process.on('message', (call: Call) => {
  const answer = (fault: Answer) => process.send?.(fault);
  carryOut(call).then(
    () => answer({}),
    (error: Error) => answer({ fault: error.stack ?? error.message }),
  );
});
// Without its parent it has no purpose; Ctrl-C is the parent's business.
process.on('disconnect', () => process.exit());
process.on('SIGINT', () => undefined);
