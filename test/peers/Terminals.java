// SPDX-License-Identifier: MIT

import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.util.HexFormat;
import javax.smartcardio.Card;
import javax.smartcardio.CardChannel;
import javax.smartcardio.CardException;
import javax.smartcardio.CardTerminal;
import javax.smartcardio.CardTerminals;
import javax.smartcardio.CommandAPDU;
import javax.smartcardio.ResponseAPDU;
import javax.smartcardio.TerminalFactory;

/** Does with the first terminal what programs do, a line for each step. A line `@…` asks for a move of the card. */
public final class Terminals {
  private static final BufferedReader INPUT = new BufferedReader(new InputStreamReader(System.in));

  public static void main(String[] arguments) throws Exception {
    CardTerminals terminals = TerminalFactory.getInstance("PC/SC", null).terminals();
    for (CardTerminal terminal : terminals.list()) {
      System.out.println("terminal " + terminal.getName());
    }
    CardTerminal first = terminals.list().get(0);
    System.out.println("present at the start " + first.waitForCardPresent(10_000));
    useCard(first);
    ask("out");
    System.out.println("absent " + first.waitForCardAbsent(10_000));
    System.out.println("present too early " + first.waitForCardPresent(50));
    ask("in");
    System.out.println("present " + first.waitForCardPresent(10_000));
    System.out.println("with a card " + terminals.list(CardTerminals.State.CARD_PRESENT).size());
    useCard(first);
  }

  private static void useCard(CardTerminal terminal) throws CardException {
    Card card = terminal.connect("*");
    System.out.println("card " + card.getProtocol() + " " + HexFormat.of().formatHex(card.getATR().getBytes()));
    card.beginExclusive();
    CardChannel channel = card.getBasicChannel();
    ResponseAPDU response = channel.transmit(new CommandAPDU(0x80, 0x10, 0, 0, new byte[] {1, 2, 3}));
    System.out.println("response " + HexFormat.of().formatHex(response.getBytes()));
    System.out.println("other thread " + transmitInAnotherThread(channel));
    card.endExclusive();
    card.disconnect(true);
  }

  /** The class keeps the threads of one program apart by itself, beside the service. */
  private static String transmitInAnotherThread(CardChannel channel) {
    String[] outcome = new String[1];
    Thread thread = new Thread(() -> {
      try {
        channel.transmit(new CommandAPDU(0x80, 0x40, 0, 0));
        outcome[0] = "was let through";
      } catch (CardException exception) {
        outcome[0] = "was refused";
      }
    });
    thread.start();
    try {
      thread.join();
    } catch (InterruptedException exception) {
      return "was interrupted";
    }
    return outcome[0];
  }

  private static void ask(String move) throws Exception {
    System.out.println("@" + move);
    INPUT.readLine();
  }
}
