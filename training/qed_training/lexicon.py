"""Names and things for word problems."""

import dataclasses
import random

FEMALE = """Ada Alice Amara Amina Anika Anna Aria Astrid Bella Bianca Brenda Carla Carmen Cara Chloe Clara
Daisy Dana Daphne Diana Dora Edith Elena Elise Ella Emma Erin Eva Fatima Fiona Flora Freya Gina Grace Greta
Hana Hanna Hazel Heidi Helen Ida Ines Irene Iris Isla Ivy Jade Jana Jane Jenna Joan Joy Judy Julia June Kara
Karen Kate Kayla Keiko Kim Lara Laura Lea Lena Leila Lily Linda Lisa Lola Lucy Luna Maeve Mara Maria Marta
Mary May Maya Megan Mei Mia Mila Mina Mona Nadia Nancy Naomi Nina Nora Olga Olivia Paula Penny Petra Pia
Priya Rachel Rania Rita Rosa Ruby Ruth Sadie Sana Sara Selma Sofia Stella Susan Tara Tess Tina Uma Vera
Violet Wendy Yara Yuki Zara Zoe""".split()
MALE = """Aaron Adam Ahmed Alan Albert Alex Ali Amir Andre Anton Arjun Arthur Axel Ben Bilal Blake Boris Brian
Bruno Caleb Carl Chen Chris Cody Colin Daniel Dario David Dean Derek Diego Dylan Eddie Eli Emil Erik Ethan
Evan Felix Finn Frank Fred Gabe Gavin George Glen Grant Greg Hans Harry Hassan Henry Hugo Ian Isaac Ivan Jack
Jacob Jake James Jason Jay Jim Joel John Jonas Jorge Josh Juan Karim Karl Keith Ken Kevin Kyle Lars Leo Liam
Louis Luca Lucas Luis Marco Mark Martin Matt Max Michael Miguel Mike Milo Nathan Ned Neil Nick Noah Oleg Oliver
Omar Oscar Otto Owen Pablo Patrick Paul Pedro Peter Phil Quinn Ralph Raj Ravi Ray Rob Roger Ross Ryan Sam Sean
Seth Simon Stan Steve Tariq Ted Theo Thomas Tim Tobias Todd Tom Tony Victor Vijay Walter Will Yusuf Zane""".split()


@dataclasses.dataclass(frozen=True)
class Person:
    name: str
    he: str
    his: str
    him: str

    def slots(self, letter: str) -> dict[str, str]:
        """{A}, {A_he}, {A_his}, {A_him} for letter A."""
        return {
            letter: self.name,
            f"{letter}_he": self.he,
            f"{letter}_his": self.his,
            f"{letter}_him": self.him,
        }


def people(rng: random.Random, count: int) -> list[Person]:
    chosen = rng.sample(FEMALE + MALE, count)
    female = set(FEMALE)
    return [
        Person(n, "she", "her", "her") if n in female else Person(n, "he", "his", "him")
        for n in chosen
    ]


# Things of one kind can stand for each other in most sentences.
COLLECTED = """stamp marble sticker coin button bead pebble seashell badge postcard ribbon crayon pencil pen eraser
notebook comic magazine puzzle balloon bracelet key card token medal candle feather stone magnet bottle_cap
toy_car action_figure trading_card baseball_card rubber_band paper_clip poster book novel game video_game
flag doll block kite ball top whistle mug keychain figurine ticket coupon charm""".split()
FOOD = """apple orange pear banana plum peach mango lemon lime kiwi fig apricot cookie cupcake muffin brownie
candy lollipop chocolate pretzel donut pancake waffle sandwich cracker egg bagel roll bun pie tart
strawberry|strawberries cherry|cherries blueberry|blueberries walnut almond peanut olive carrot onion
potato|potatoes tomato|tomatoes cucumber radish|radishes pepper dumpling taco meatball date grape""".split()
ANIMALS = (
    """dog cat rabbit duck goat cow horse pig chicken hen turtle frog lizard parrot pigeon sparrow
butterfly|butterflies bee beetle spider fish|fish sheep|sheep deer|deer owl crab penguin monkey lion
squirrel hamster goose|geese mouse|mice pony|ponies bird swan lamb llama""".split()
)
GOODS = """shirt sock hat scarf|scarves cap jacket dress|dresses skirt shoe glove towel pillow blanket lamp chair
table plate cup bowl spoon fork glass|glasses vase clock watch|watches phone tablet camera radio battery|batteries
brush|brushes comb box_of_tissues|boxes_of_tissues toy bag basket bucket hammer nail screw tile brick plank
flower rose tulip seed pot plant tree ring necklace umbrella backpack belt""".split()
VEHICLES = "car truck bus|buses van bike bicycle scooter motorcycle boat taxi".split()
CONTAINERS = (
    """box|boxes bag basket jar crate carton packet pack tray drawer shelf|shelves bucket case bin
container pouch|pouches folder envelope sack chest bowl tin""".split()
)
ADJECTIVES = """red blue green yellow white black purple pink orange brown old new big small large tiny wooden plastic
metal round square striped plain silver golden broken clean dirty cheap fancy soft hard short long""".split()
GROUPS = """row team class|classes table group bus|buses van tent room page floor shelf|shelves line table column
field bench|benches boat cabin section""".split()
MEMBERS = """student child|children player guest visitor passenger camper worker soldier dancer singer tourist scout
teacher fan musician volunteer runner kid member athlete person|people""".split()
WEEKDAYS = "Monday Tuesday Wednesday Thursday Friday Saturday Sunday".split()
MONTHS = """January February March April May June July August September October November
December""".split()
PLACES = """library museum bakery market school zoo farm park garden store shop warehouse office gym theater
restaurant hotel hospital station harbor camp factory studio cafe club""".split()


def noun(entry: str) -> tuple[str, str]:
    """Singular and plural of an entry."""
    one, _, many = entry.replace("_", " ").partition("|")
    ending = "es" if one.endswith(("ch", "sh", "s", "x")) else "s"
    return one, many or one + ending


ANY_THINGS = (COLLECTED, FOOD, ANIMALS, GOODS)
# What build_data.py takes out of GSM8K's training problems: things that are counted
# there, as entries, and sentences that can stand beside any story.
BORROWED_THINGS: list[str] = []
BORROWED_SENTENCES: list[str] = []


def things(rng: random.Random, count: int) -> list[tuple[str, str]]:
    """Different things of one randomly chosen list."""
    borrowed = [BORROWED_THINGS] * 4 if BORROWED_THINGS else []
    return [noun(e) for e in rng.sample(rng.choice([*ANY_THINGS, *borrowed]), count)]
