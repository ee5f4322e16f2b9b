"""The web page of `qed serve` in headless Chromium, used as a person would: typed into,
clicked, read."""

import json
import unittest

from browser import Browser, find_browser
from qed_run import require_model, skip
from serve_run import Server

HOSTILE = "<img src=x onerror=\"document.title='owned'\"><script>document.title='owned'</script>"


def run_page(browser, problem, samples, temperature=0):
    """Fills the form by the keyboard alone and sends it."""
    browser.evaluate("document.querySelector('#problem').select()")
    browser.type(problem)
    for value in (samples, 200, temperature):
        browser.press("Tab", 9)
        browser.evaluate("document.activeElement.select()")
        browser.type(str(value))
    browser.press("Enter", 13)


def sse(*choices):
    """The events of a stream, as the server would send them."""
    events = [json.dumps({"choices": [choice]}) for choice in choices] + ["[DONE]"]
    return "".join(f"data: {event}\n\n" for event in events)


def end(index, reason="stop"):
    return {"index": index, "text": "", "finish_reason": reason}


class PageTest(unittest.TestCase):

    @classmethod
    def setUpClass(cls):
        cls.server = Server("--with-sandbox", adapter="auto")

    @classmethod
    def tearDownClass(cls):
        cls.server.__exit__()

    def setUp(self):
        self.browser = self.enterContext(Browser())
        self.browser.open(self.server.url)

    def test_a_solve_to_its_vote(self):
        page = self.browser
        page.resize(1100, 900)
        page.wait("document.querySelector('#status-pages').innerText.includes(' of ')")
        self.assertIn(self.server.name + ", with Python", page.text("#model"))
        self.assertEqual(page.evaluate("document.activeElement.id"), "problem")
        run_page(page, "What is 17 * 23?", 3)
        page.wait("document.querySelector('#time-left').innerText === 'ended'")
        self.assertEqual(page.text("#message"), "")
        self.assertEqual(page.text("#answer"), "391 (3 of 3 votes)")
        self.assertEqual(page.texts("#votes .label"), ["391"])
        bar, track = page.evaluate("""[".bar", ".track"].map(
            (name) => document.querySelector("#votes " + name).clientWidth)""")
        self.assertGreater(track, 100)
        page.wait(f"document.querySelector('#votes .bar').clientWidth === {track}")
        self.assertEqual(page.text("#done"), "3 of 3")
        self.assertEqual(page.texts(".sample .state"), ["answer 391"] * 3)
        self.assertEqual(page.texts(".sample .boxed"), ["391"] * 3)
        for code, output in zip(page.texts(".cell.code"), page.texts(".cell.output"), strict=True):
            self.assertTrue(code.startswith("Python\n") and "17" in code, code)
            self.assertEqual(output.split(), ["Output", "391"])
        self.assertGreater(int(page.text("#tokens")), 30)
        page.wait("document.querySelector('#status-running').innerText === '0'")
        page.resize(360, 700, dark=True)
        columns = page.evaluate(
            "new Set([...document.querySelectorAll('.sample')].map(e => e.offsetLeft)).size")
        self.assertEqual(columns, 1)
        self.assertLessEqual(page.evaluate("document.documentElement.scrollWidth"), 360)
        background = page.evaluate("getComputedStyle(document.body).backgroundColor")
        self.assertEqual(background, "rgb(21, 24, 28)")
        self.assertEqual(page.problems, [])

    def test_what_a_model_writes_is_only_text(self):
        page = self.browser
        text = f"{HOSTILE}<tool_call>{HOSTILE}</tool_call>\n```output\n{HOSTILE}```\n"
        page.can("/v1/completions", "text/event-stream", sse(
            {"index": 0, "text": text, "finish_reason": None}, end(0),
            {"index": 1, "text": f"\\boxed{{{HOSTILE}}}", "finish_reason": None}, end(1)))
        run_page(page, HOSTILE, 2)
        page.wait("document.querySelector('#time-left').innerText === 'ended'")
        self.assertEqual(page.texts(".sample .state")[0], "no answer")
        self.assertIn("<img", page.text("#answer"))
        self.assertIn("<img", page.text("#votes .label"))
        for selector in (".sample p", ".cell.code pre", ".cell.output pre"):
            self.assertEqual(page.texts(selector)[0].strip(), HOSTILE, selector)
        self.assertEqual(page.texts(".boxed"), [HOSTILE])
        self.assertEqual(page.evaluate("document.querySelectorAll('main img, main script').length"), 0)
        # Were there a hole, the policy would still keep scripts of others from running.
        page.evaluate("""(() => {
            const script = document.createElement("script");
            script.textContent = "document.title = 'owned'";
            document.body.append(script);
            const image = document.createElement("div");
            image.innerHTML = "<img src=x onerror=\\"document.title='owned'\\">";
            document.body.append(image);
        })()""")
        page.wait("document.querySelector('div > img').complete")
        self.assertEqual(page.evaluate("document.title"), "QED")
        self.assertTrue(any("Content Security Policy" in problem for problem in page.problems))

    def test_a_stream_that_breaks_off_is_told(self):
        page = self.browser
        page.can("/v1/completions", "text/event-stream",
                 'data: {"choices": [{"index": 0, "text": "half", "finish_reason": null}]}\n\n')
        run_page(page, "x", 1)
        page.wait("document.querySelector('#message').innerText.includes('broke off')")
        self.assertEqual(page.texts(".sample p"), ["half"])
        self.assertFalse(page.evaluate("document.querySelector('#solve').disabled"))


class BusyServerTest(unittest.TestCase):

    def test_stop_ends_the_samples(self):
        with Server("--max-batch-size", "1") as server, Browser() as page:
            page.open(server.url)
            # Of others, before ours: ours cannot end by themselves meanwhile.
            others = server.open_stream(prompt="x", n=4, max_tokens=900, ignore_eos=True)
            run_page(page, "What is 17 * 23?", 2)
            page.wait("Number(document.querySelector('#status-waiting').innerText) >= 4")
            page.click("#stop")
            page.wait("document.querySelector('#message').innerText === 'Stopped.'")
            page.wait("Number(document.querySelector('#status-waiting').innerText) <= 3")
            self.assertEqual(
                server.metrics()['qed_request_success_total{finished_reason="cancelled"}'], 2)
            self.assertTrue(page.evaluate("document.querySelector('#stop').disabled"))
            self.assertEqual(page.texts(".sample .state"), ["no answer, stopped"] * 2)
            others.close()

    def test_a_full_queue_and_a_server_that_is_gone(self):
        with Server("--max-batch-size", "1", "--max-waiting", "2") as server, Browser() as page:
            page.open(server.url)
            page.wait("document.querySelector('#model').innerText.includes('without Python')")
            run_page(page, "What is 17 * 23?", 8)
            page.wait("document.querySelector('#message').innerText.includes('queue is full')")
            self.assertRegex(page.text("#message"), r"Try again in \d+ seconds")
            server.process.kill()
            server.process.wait()
            run_page(page, "What is 17 * 23?", 1)
            for selector in ("#message", "#status-message"):
                page.wait(f"document.querySelector('{selector}').innerText.includes("
                          "'does not answer')")


if __name__ == "__main__":
    require_model()
    if find_browser() is None:
        skip("no chromium here: the page is not looked at")
    unittest.main()
